package main

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestCPIO reads what is written with the program of that name, where there is one.
func TestCPIO(t *testing.T) {
	var archive bytes.Buffer
	w := cpioWriter{to: &archive}
	for _, err := range []error{w.folder("modules"), w.file("modules/a", []byte("abc")), w.file("init", nil), w.close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if archive.Len()%4 != 0 || !bytes.HasPrefix(archive.Bytes(), []byte("07070100000001000041ed")) {
		t.Fatalf("%d bytes: %q", archive.Len(), archive.Bytes())
	}
	tool, err := exec.LookPath("cpio")
	if err != nil {
		return
	}
	list := exec.Command(tool, "-t", "--quiet")
	list.Stdin = &archive
	if out, err := list.CombinedOutput(); err != nil || string(out) != "modules\nmodules/a\ninit\n" {
		t.Errorf("cpio lists %q, %v", out, err)
	}
}

func TestVerdict(t *testing.T) {
	for console, want := range map[string]string{
		"==== a\r\nslipway-vm: passed\r\n[ 1.0] reboot: Power down\r\n": "",
		"==== a\nslipway-vm: a: exit status 1\n":                        "a: exit status 1",
		"==== a\nkernel panic":                                          "the machine went off without a result",
		"":                                                              "the machine went off without a result",
	} {
		var shown strings.Builder
		err := verdict(follow(strings.NewReader(console), &shown))
		if got := message(err); got != want {
			t.Errorf("%q: %q, want %q", console, got, want)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestMissingModule(t *testing.T) {
	k := &kernel{release: "1.2", builtin: map[string]bool{"ext4": true}}
	if got, err := k.load(context.Background(), []string{"ext4"}); err != nil || len(got) > 0 {
		t.Errorf("a module that is part of the kernel: %v, %v", got, err)
	}
	if _, err := k.load(context.Background(), []string{"veth"}); err == nil || !strings.Contains(err.Error(), "module veth: linux 1.2 has none") {
		t.Errorf("a module that is missing: %v", err)
	}
}

func TestKernelPart(t *testing.T) {
	const depends = "linux-image-virtual\n  Depends: linux-image-6.8.0-1-generic\n    linux-x\n |Depends: linux-modules-6.8.0-1-generic\n  Depends: kmod\n  Recommends: linux-image-6.9\n"
	var got []string
	for _, m := range kernelPart.FindAllStringSubmatch(depends, -1) {
		got = append(got, m[1])
	}
	if want := []string{"linux-image-6.8.0-1-generic", "linux-modules-6.8.0-1-generic"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestImage(t *testing.T) {
	if err := writeImage(io.Discard, "hello", []byte("program")); err != nil {
		t.Error(err)
	}
}
