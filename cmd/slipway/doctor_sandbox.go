package main

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox"
)

// checkSandbox runs this program in a sandbox, from an image that holds nothing else.
func (d *doctor) checkSandbox(ctx context.Context) finding {
	exe, err := os.Executable()
	if err != nil {
		return failure("", "this program's file is not known: %v", err)
	}
	if !linkedStatically(exe) {
		return warning("build it with make, or with CGO_ENABLED=0", "not tried: this program needs libraries (it was built with cgo)")
	}
	start := time.Now()
	overlays, err := d.trySandbox(ctx, exe)
	if err != nil {
		return failure("mend what is missing above; the message names the step that went wrong", "%v", err)
	}
	return fine("a process ran in one and ended, %.0f ms all in all; overlays are made %s", milliseconds(start), overlays)
}

// trySandbox also says how overlays are made.
func (d *doctor) trySandbox(ctx context.Context, exe string) (overlays string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	layer, err := d.folder("layer")
	if err != nil {
		return "", err
	}
	launcher, err := sandbox.New(sandbox.Config{Dir: filepath.Join(d.temp, "sandboxes"), Name: d.name, Rootless: d.here.rootless()}, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, launcher.Close()) }()
	s, err := launcher.Create(ctx, slipway.SandboxSpec{
		ID: "trial", Layers: []string{layer}, Args: []string{"/slipway", "--version"}, Env: []string{"PATH=/"},
		Mounts: []slipway.Mount{{Source: exe, Target: "/slipway", ReadOnly: true}},
		CPU:    1, MemoryMB: 256, EphemeralMB: 16, PIDs: 64, Network: slipway.NetworkNone, Isolation: "native",
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return launcher.Overlays(), runToEnd(ctx, s)
}

func runToEnd(ctx context.Context, s slipway.Sandbox) error {
	if err := s.Start(ctx, slipway.Stdio{}); err != nil {
		return err
	}
	select {
	case <-s.Done():
	case <-ctx.Done():
		return fmt.Errorf("run a process in a sandbox: %w", context.Cause(ctx))
	}
	if exit := s.Exit(); !exit.Success() {
		return fmt.Errorf("run a process in a sandbox: %s", exit)
	}
	return nil
}

// linkedStatically says whether the program needs no interpreter (elf(5)).
func linkedStatically(path string) bool {
	file, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}
