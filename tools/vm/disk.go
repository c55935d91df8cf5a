package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// smoke is a user's first minute with the platform.
//
//go:embed smoke.sh
var smoke []byte

// disk makes an ext4 file system, whose files can be mapped to other owners by every
// kernel, out of a folder that it fills.
func (b builder) disk(ctx context.Context, k *kernel, folder, to string) error {
	for _, dir := range []string{"bin", "dev", "etc", "proc", "root", "run", "sys", "test", "tmp", "var"} {
		if err := os.MkdirAll(filepath.Join(folder, dir), 0o755); err != nil {
			return err
		}
	}
	if err := b.programs(ctx, filepath.Join(folder, "test")); err != nil {
		return err
	}
	if err := copyRuntimes(ctx, folder); err != nil {
		return err
	}
	if err := b.files(k, folder); err != nil {
		return err
	}
	if err := copyDynamic(ctx, "mke2fs", folder); err != nil { // for scratch on disk
		return err
	}
	const size = "4G" // of a file with holes
	make := exec.CommandContext(ctx, "mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0", "-d", folder, to, size)
	if out, err := make.CombinedOutput(); err != nil {
		return fmt.Errorf("mke2fs: %w\n%s", err, out)
	}
	return nil
}

func (b builder) files(k *kernel, folder string) error {
	list, err := json.Marshal(b.list())
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"bin/busybox":     k.busybox,
		"test/list":       list,
		"test/smoke.sh":   smoke,
		"etc/passwd":      []byte("root:x:0:0:root:/root:/bin/sh\n"),
		"etc/group":       []byte("root:x:0:\n"),
		"etc/hosts":       []byte("127.0.0.1\tlocalhost\n"),
		"etc/resolv.conf": []byte("nameserver 192.0.2.53\n"), // nobody's address (RFC 5737)
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"cat", "ip", "kill", "sh", "sleep", "true", "wget"} {
		if err := os.Symlink("busybox", filepath.Join(folder, "bin", name)); err != nil {
			return err
		}
	}
	return nil
}
