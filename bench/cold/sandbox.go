package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/bench/rig"
	"github.com/slipway-run/slipway/internal/sandbox"
)

// sandboxes is Slipway's native runtime, with what a function gets.
type sandboxes struct {
	name    string
	native  *sandbox.Native
	layer   string
	program string
	network slipway.NetworkMode
	made    int
}

// newSandboxes prepares two runtimes, with shells in stock and without.
func newSandboxes(ctx context.Context, program, dir string) (all []*sandboxes, stop func(), err error) {
	var stops []func()
	stop = func() {
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
	}
	owner := fmt.Sprintf("slipway-cold-%d", os.Getpid())
	egress, stopEgress, err := rig.NewEgress(ctx, owner)
	stops = append(stops, stopEgress)
	if err != nil {
		return nil, stop, err
	}
	for _, shells := range []int{0, -1} {
		suffix := map[int]string{0: "stock", -1: "none"}[shells]
		native, stopNative, err := rig.NewNative(ctx, sandbox.Config{
			Dir: filepath.Join(dir, suffix), Name: owner + "-" + suffix, Shells: shells,
		}, egress)
		stops = append(stops, stopNative)
		if err != nil {
			return nil, stop, err
		}
		for _, mode := range []slipway.NetworkMode{slipway.NetworkEgress, slipway.NetworkNone} {
			all = append(all, &sandboxes{
				name:   fmt.Sprintf("slipway sandbox, shells: %s, network: %s", suffix, mode),
				native: native, layer: filepath.Dir(program), program: "/" + filepath.Base(program), network: mode,
			})
		}
	}
	return all, stop, nil
}

func (s *sandboxes) once(ctx context.Context) (time.Duration, error) {
	const port = 8080
	s.made++
	began := time.Now()
	made, err := s.native.Create(ctx, slipway.SandboxSpec{
		ID: fmt.Sprintf("cold-%d-%d", os.Getpid(), s.made), Layers: []string{s.layer},
		Args: []string{s.program}, Env: []string{fmt.Sprintf("PORT=%d", port)},
		CPU: 1, MemoryMB: 128, PIDs: 1024, OpenFiles: 1024, Network: s.network,
	})
	if err != nil {
		return 0, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return 0, errors.Join(err, made.Close())
	}
	defer read.Close()
	defer write.Close()
	if err := made.Start(ctx, slipway.Stdio{Stdout: write, Stderr: write}); err != nil {
		return 0, errors.Join(err, made.Close())
	}
	conn, err := made.Await(ctx, port)
	if err == nil {
		err = rig.Ask(conn)
	}
	took := time.Since(began)
	return took, errors.Join(err, made.Close())
}
