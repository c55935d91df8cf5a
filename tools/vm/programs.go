package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// builder makes the files of the machine.
type builder struct {
	root string // of the repository
	work string // folder for what is kept
	run  string // which tests; "" is all
}

// program is one that the machine runs, in this order; the first that fails is the
// last. The init reads them as JSON.
type program struct {
	Name string
	Args []string
	Env  []string
}

// list is what the machine does.
func (b builder) list() []program {
	tests := func(name string, more ...string) program {
		args := []string{"/test/" + name + ".test", "-test.v", "-test.short", "-test.timeout=8m", "-test.run=" + b.run}
		return program{Name: name, Args: append(args, more...), Env: []string{"SANDBOXTEST_PAYLOAD=/test/payload"}}
	}
	all := []program{
		{Name: "loopback", Args: []string{"/bin/busybox", "ifconfig", "lo", "127.0.0.1", "up"}},
		tests("cgroup"),
		tests("sandbox", "-test.skip="+b.skipped()),
	}
	if b.run == "" {
		all = append(all, program{Name: "smoke", Args: []string{"/bin/sh", "/test/smoke.sh"}})
	}
	return all
}

// skipped are the tests of sandboxes that are left out of a run of all: an emulated machine
// needs a second for each sandbox of another runtime.
func (b builder) skipped() string {
	if b.run != "" {
		return "^$"
	}
	return strings.Join([]string{
		"^TestNativeStaged$", // is what TestNative is in this machine
		"^TestRunc$",         // runs elsewhere, and crun, which is quicker, can run here
		"^TestCrun$/^(process|root|walls|files|others|hostile|hogs|network)$",                // are the same on control groups of version 1
		"^TestNativeDisk$/^(process|isolation|walls|others|hogs|network|control|stillness)$", // have nothing to do with disks
		"^TestRootless$/^(one_id|ranges_of_ids)$",
	}, "|")
}

// programs builds everything into a folder.
func (b builder) programs(ctx context.Context, dir string) error {
	for name, args := range map[string][]string{
		"cgroup.test":  {"test", "-c", "./internal/cgroup"},
		"sandbox.test": {"test", "-c", "./internal/sandbox"},
		"payload":      {"build", "./internal/sandbox/sandboxtest/testdata/payload"},
		"slipway":      {"build", "./cmd/slipway"},
	} {
		if err := compile(ctx, b.root, filepath.Join(dir, name), args...); err != nil {
			return err
		}
	}
	hello, err := b.example(ctx, dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "hello.tar"), hello, 0o644)
}

// example is an image of examples/go-http.
func (b builder) example(ctx context.Context, dir string) ([]byte, error) {
	binary := filepath.Join(dir, "hello")
	defer os.Remove(binary)
	if err := compile(ctx, filepath.Join(b.root, "examples", "go-http"), binary, "build", "."); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var image bytes.Buffer
	err = writeImage(&image, "hello", content)
	return image.Bytes(), err
}

// compile runs the toolchain in a folder; the result needs no library.
func compile(ctx context.Context, dir, to string, args ...string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "go", slices.Insert(args, len(args)-1, "-ldflags=-s -w", "-o", to)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", c, err, out)
	}
	return nil
}

// initramfs writes the initial file system: the first program and the modules, whose
// names say the order.
func (b builder) initramfs(ctx context.Context, k *kernel, to string) error {
	program := to + ".init"
	if err := compile(ctx, filepath.Join(b.root, "tools"), program, "build", "./vm/init"); err != nil {
		return err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	modules, err := k.load(ctx, wanted)
	if err != nil {
		return err
	}
	file, err := os.Create(to)
	if err != nil {
		return err
	}
	defer file.Close()
	w := cpioWriter{to: file}
	for _, folder := range []string{"dev", "disk", "modules"} {
		if err := w.folder(folder); err != nil {
			return err
		}
	}
	if err := w.file("init", content); err != nil {
		return err
	}
	for i, m := range modules {
		if err := w.file(fmt.Sprintf("modules/%03d-%s", i, m.name), m.content); err != nil {
			return err
		}
	}
	if err := w.close(); err != nil {
		return err
	}
	return file.Close()
}
