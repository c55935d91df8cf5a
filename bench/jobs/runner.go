package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/bench/rig"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/invoker/jobs"
	"github.com/slipway-run/slipway/pool"
)

// runner is the invoker's part alone.
func (b *bench) runner(ctx context.Context, dir string) (contender, func(), error) {
	c := contender{name: "Slipway's runner alone", n: b.ours}
	layer, err := b.image()
	if err != nil {
		return c, nil, err
	}
	owner := fmt.Sprintf("slipway-bench-jobs-%d", os.Getpid())
	egress, closeEgress, err := rig.NewEgress(ctx, owner)
	if err != nil {
		return c, nil, err
	}
	native, closeNative, err := rig.NewNative(ctx, sandbox.Config{Dir: filepath.Join(dir, "sandboxes"), Name: owner}, egress)
	if err != nil {
		return c, nil, err
	}
	c.run = func(ctx context.Context, n, atOnce int) error {
		return alone(ctx, native, layer, filepath.Join(dir, "runner"), n, atOnce)
	}
	return c, func() { closeNative(); closeEgress() }, nil
}

// alone runs n attempts with a runner of its own, whose machine has room for so many.
func alone(ctx context.Context, native *sandbox.Native, layer, dir string, n, atOnce int) error {
	log := slog.New(slog.DiscardHandler)
	d := &desk{done: make(chan error, 1), left: n, work: slipway.Assignment{
		ID: slipway.NewID(), Tenant: "default", Job: slipway.NewID(), Name: "true", Attempt: 1, Queue: "q", Environment: "default", Definition: "true:1",
		Array: n, To: n, Digest: "sha256:true", CPU: 1, MemoryMB: jobMemoryMB, EphemeralMB: 512, OutputMB: 64, PIDs: 256,
		Network: slipway.NetworkNone, Isolation: "native",
	}}
	cfg := jobs.Config{ID: "bench", Dir: dir, CPU: float64(atOnce), MemoryMB: 1 << 20, OpenFiles: 1024}
	memory := leftovers{pool.New(pool.Config{MemoryMB: cfg.MemoryMB}, nil, log)}
	r := jobs.New(cfg, d, native, image{layer}, nothing{}, memory, nothing{}, log)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) })
	defer running.Wait()
	defer cancel()
	select {
	case err := <-d.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// desk is a scheduler that has one array, and keeps nothing.
type desk struct {
	work slipway.Assignment
	done chan error

	mu   sync.Mutex // guards left
	left int
}

func (d *desk) TakeJobs(ctx context.Context, _, _ string, f func([]slipway.Assignment, []slipway.JobOrder)) error {
	f([]slipway.Assignment{d.work}, nil)
	<-ctx.Done()
	return nil
}

func (d *desk) Report(_ context.Context, reports []slipway.AttemptReport) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range reports {
		switch {
		case r.Event == slipway.AttemptStarted:
			continue
		case r.Reason != "" || r.Event != slipway.AttemptEnded:
			d.end(fmt.Errorf("%s: %s", r.Event, r.Reason))
		}
		if d.left--; d.left == 0 {
			d.end(nil)
		}
	}
	return nil
}

func (d *desk) end(err error) {
	select {
	case d.done <- err:
	default:
	}
}

// leftovers is a machine without functions.
type leftovers struct{ *pool.Pool }

func (leftovers) Used() float64 { return 0 }

// image is the only one.
type image struct{ layer string }

func (i image) Prepare(context.Context, string) (slipway.Image, error) {
	return slipway.Image{Digest: "sha256:true", Layers: []string{i.layer}, Entrypoint: []string{"/bootstrap"}}, nil
}

// nothing is where no job of this program gets anything from, or leaves anything.
type nothing struct{}

func (nothing) WriteJob(slipway.JobLogLine)                         {}
func (nothing) SyncJob(context.Context, string, string, int)        {}
func (nothing) Unpack(context.Context, string, string) error        { return slipway.ErrNotFound }
func (nothing) Put(context.Context, string, int64, io.Reader) error { return slipway.ErrInternal }
