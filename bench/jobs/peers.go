package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/slipway-run/slipway/bench/rig"
)

// each calls run for n containers, so many at once.
func each(ctx context.Context, n, atOnce int, run func(ctx context.Context, id string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for int(next.Add(1)) <= n && ctx.Err() == nil {
				if err := run(ctx, fmt.Sprintf("slipway-bench-%d-%d", os.Getpid(), containers.Add(1))); err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

var containers atomic.Int64 // that were run, ever

// runc runs bundles with the example's namespaces.
func (b *bench) runc(ctx context.Context, dir string) (contender, func(), error) {
	c := contender{name: "runc run", n: b.theirs}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return c, nil, fmt.Errorf("not installed")
	}
	bundle := filepath.Join(dir, "bundle")
	if err := rig.Bundle(ctx, bundle, b.program); err != nil {
		return c, nil, err
	}
	c.run = func(ctx context.Context, n, atOnce int) error {
		return each(ctx, n, atOnce, func(ctx context.Context, id string) error {
			return rig.Quietly(ctx, runc, "run", "--bundle", bundle, id)
		})
	}
	return c, func() {}, nil
}

func (b *bench) podman(ctx context.Context, _ string) (contender, func(), error) {
	if _, err := exec.LookPath("runc"); err == nil { // crun refuses machines with control groups of both versions
		return b.engine(ctx, "podman", "--runtime", "runc")
	}
	return b.engine(ctx, "podman")
}

func (b *bench) docker(ctx context.Context, _ string) (contender, func(), error) {
	return b.engine(ctx, "docker")
}

// engine runs the program as an image, without a network.
func (b *bench) engine(ctx context.Context, engine string, flags ...string) (contender, func(), error) {
	c := contender{name: engine + " run --rm", n: b.theirs}
	image, remove, err := rig.Import(ctx, engine, b.program)
	if err != nil {
		return c, nil, err
	}
	c.run = func(ctx context.Context, n, atOnce int) error {
		return each(ctx, n, atOnce, func(ctx context.Context, id string) error {
			args := append(append([]string{engine}, flags...), "run", "--rm", "--network", "none", "--name", id,
				"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", image)
			return rig.Quietly(ctx, args...)
		})
	}
	return c, remove, nil
}
