package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func main() {
	work := flag.String("work", "../bin/vm", "folder for what is fetched and built")
	root := flag.String("root", "..", "folder of the repository")
	run := flag.String("run", "", "of the tests, only those that match this expression (go test -run)")
	timeout := flag.Duration("timeout", 10*time.Minute, "bound on the life of the machine")
	accelerator := flag.String("accel", "tcg,thread=single", "qemu's accelerator: tcg emulates and works everywhere, one processor after the other so that its own races do not matter; kvm is faster where it works")
	memory := flag.Int("memory-mb", 2048, "memory of the machine, MiB")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := builder{root: *root, work: *work, run: *run}
	if err := test(ctx, b, machine{memoryMB: *memory, accelerator: *accelerator, timeout: *timeout}); err != nil {
		fmt.Fprintln(os.Stderr, "test-vm:", err)
		os.Exit(1)
	}
}

// test builds the parts, puts them together and runs the machine.
func test(ctx context.Context, b builder, m machine) error {
	if runtime.GOARCH != "amd64" {
		return errors.New("the machine is an amd64 one; its programs and packages are made on such a machine only")
	}
	if err := requirePrograms(); err != nil {
		return err
	}
	k, err := fetchKernel(ctx, filepath.Join(b.work, "packages"))
	if err != nil {
		return err
	}
	parts, err := os.MkdirTemp(b.work, "parts-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(parts)
	m.kernel, m.initramfs, m.disk = filepath.Join(parts, "vmlinuz"), filepath.Join(parts, "initramfs"), filepath.Join(parts, "disk")
	if err := os.WriteFile(m.kernel, k.image, 0o600); err != nil {
		return err
	}
	if err := b.initramfs(ctx, k, m.initramfs); err != nil {
		return fmt.Errorf("make the initial file system: %w", err)
	}
	if err := b.disk(ctx, k, filepath.Join(parts, "root"), m.disk); err != nil {
		return fmt.Errorf("make the disk: %w", err)
	}
	fmt.Printf("Linux %s boots\n", k.release)
	return m.boot(ctx, os.Stdout)
}
