package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/bench/rig"
	"github.com/slipway-run/slipway/internal/sandbox"
)

// sandboxes is Slipway's native runtime, with what a function gets.
type sandboxes struct {
	native  *sandbox.Native
	program string

	mu      sync.Mutex
	made    int
	running []slipway.Sandbox
}

func newSandboxes(ctx context.Context, program, dir string, shells int) (*sandboxes, func(), error) {
	owner := fmt.Sprintf("slipway-density-%d-%s", os.Getpid(), stock(shells))
	egress, stopEgress, err := rig.NewEgress(ctx, owner)
	if err != nil {
		return nil, stopEgress, err
	}
	native, stopNative, err := rig.NewNative(ctx, sandbox.Config{Dir: filepath.Join(dir, owner), Name: owner, Shells: shells}, egress)
	stop := func() { stopNative(); stopEgress() }
	return &sandboxes{native: native, program: program}, stop, err
}

func (s *sandboxes) start(ctx context.Context, n int) (burst, error) {
	return inTurns(n, atOnce, func(int) error { return s.startOne(ctx) })
}

func (s *sandboxes) startOne(ctx context.Context) error {
	const port = 8080
	made, err := s.native.Create(ctx, slipway.SandboxSpec{
		ID: s.id(), Layers: []string{filepath.Dir(s.program)},
		Args: []string{"/" + filepath.Base(s.program)}, Env: []string{fmt.Sprintf("PORT=%d", port)},
		CPU: 1, MemoryMB: 128, PIDs: 1024, OpenFiles: 1024, Network: slipway.NetworkEgress,
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.running = append(s.running, made)
	s.mu.Unlock()
	if err := made.Start(ctx, slipway.Stdio{}); err != nil {
		return err
	}
	conn, err := made.Await(ctx, port)
	if err != nil {
		return err
	}
	return rig.Ask(conn)
}

func (s *sandboxes) id() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	return fmt.Sprintf("density-%d", s.made)
}

func (s *sandboxes) stop() error {
	var errs []error
	for _, made := range s.running {
		errs = append(errs, made.Close())
	}
	s.running = nil
	return errors.Join(errs...)
}
