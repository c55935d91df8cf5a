package jobs_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/jobs"
)

// bareStarter makes instances that are nothing but their life: what a function does with
// its memory does not matter here.
type bareStarter struct{}

func (bareStarter) Start(context.Context, slipway.Spec) (slipway.Instance, error) {
	return &bare{done: make(chan struct{})}, nil
}

type bare struct {
	done chan struct{}
	once sync.Once
}

func (b *bare) ID() string                             { return "bare" }
func (b *bare) Done() <-chan struct{}                  { return b.done }
func (b *bare) Unfit() <-chan struct{}                 { return nil }
func (b *bare) Freeze(context.Context) error           { return nil }
func (b *bare) Thaw(context.Context) error             { return nil }
func (b *bare) Reclaim(context.Context) (int64, error) { return 0, nil }
func (b *bare) Close() error                           { b.once.Do(func() { close(b.done) }); return nil }

// wantMemory has a function start an instance, and gives what takes it back.
func (w *world) wantMemory(mib int) (release func()) {
	w.t.Helper()
	c := slipway.DefaultConfig()
	c.MemoryMB = mib
	l, err := w.pool.Acquire(w.t.Context(), slipway.Spec{VersionRef: slipway.VersionRef{Tenant: "default", Function: "f", Version: 1}, Config: c}, 0)
	if err != nil {
		w.t.Fatalf("the function got nothing: %v", err)
	}
	return func() {
		l.Release(false)
		until(w.t, "all memory is free", func() bool { free, _ := w.pool.Spare(); return free == w.cfg.MemoryMB })
	}
}

func requeued(a *slipway.Assignment) {
	a.MemoryMB, a.Preemption = 256, slipway.PreemptRequeue
}

// TestRecall: an attempt gives its memory to a function that needs it, wherever it is in its
// life, and is returned.
func TestRecall(t *testing.T) {
	change := func(c *jobs.Config) { c.MemoryMB, c.ReturnGrace = 256, 200*time.Millisecond }
	for _, what := range []string{"obey", "ignore"} {
		t.Run("one that runs: "+what, func(t *testing.T) {
			w := boot(t, change)
			a := changed(job(what), requeued)
			w.give(a)
			w.await(a, 0, slipway.AttemptStarted)
			release := w.wantMemory(256)
			if r := w.over(a, 0); r.Event != slipway.AttemptReturned || r.Reason != "Returned: functions need its memory" {
				t.Errorf("%s: %s", r.Event, r.Reason)
			}
			release()
		})
	}
	t.Run("one that stands still", func(t *testing.T) {
		w := boot(t, change, func(c *jobs.Config) { c.CPU = 1 })
		a := changed(job("tick"), requeued)
		w.give(a)
		w.await(a, 0, slipway.AttemptStarted)
		w.pool.want(1)
		w.await(a, 0, slipway.AttemptFrozen)
		release := w.wantMemory(256)
		if r := w.over(a, 0); r.Event != slipway.AttemptReturned {
			t.Errorf("%s: %s", r.Event, r.Reason)
		}
		release()
	})
	t.Run("one that is being fetched", func(t *testing.T) {
		w := boot(t, change)
		fetching := make(chan struct{})
		w.prepare = func(ctx context.Context, _ string) (slipway.Image, error) {
			close(fetching)
			<-ctx.Done()
			return slipway.Image{}, ctx.Err()
		}
		a := changed(job("tick"), requeued)
		w.give(a)
		<-fetching
		release := w.wantMemory(256)
		if r := w.over(a, 0); r.Event != slipway.AttemptUnstarted || r.Reason != "functions need its memory" {
			t.Errorf("%s: %s", r.Event, r.Reason)
		}
		release()
	})
}

// TestShrinks: the memory of an attempt that stands still for long goes to swap.
func TestShrinks(t *testing.T) {
	w := boot(t, func(c *jobs.Config) { c.CPU, c.ShrinkAfter = 1, time.Millisecond })
	a := changed(job("tick"), func(a *slipway.Assignment) { a.Env = map[string]string{"SOFT": "1"} })
	w.give(a)
	w.await(a, 0, slipway.AttemptStarted)
	w.pool.want(1)
	w.await(a, 0, slipway.AttemptFrozen)
	w.over(a, 0) // its reclaim ends it
}
