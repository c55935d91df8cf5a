package packager

import (
	"context"
	"sync"
)

// flights makes sure that one piece of work is done once, however many ask for it at
// the same time. The work goes on as long as anybody waits for it: that the first to
// ask gave up does not fail the others.
type flights struct {
	running sync.WaitGroup

	mu sync.Mutex
	m  map[string]*flight
}

type flight struct {
	waiters int // guarded by flights.mu
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // set before done is closed
}

func newFlights() *flights { return &flights{m: map[string]*flight{}} }

// do runs work, or joins the run of the same key, and returns its error.
func (f *flights) do(ctx context.Context, key string, work func(context.Context) error) error {
	fl := f.join(ctx, key, work)
	defer f.leave(key, fl)
	select {
	case <-fl.done:
		return fl.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (f *flights) join(ctx context.Context, key string, work func(context.Context) error) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl, ok := f.m[key]
	if !ok {
		workCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		fl = &flight{cancel: cancel, done: make(chan struct{})}
		f.m[key] = fl
		f.running.Go(func() {
			fl.err = work(workCtx)
			close(fl.done)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.forget(key, fl)
		})
	}
	fl.waiters++
	return fl
}

// leave cancels the work when nobody waits for it any more. One who asks from now on
// starts anew: work in progress is invisible to it, being in a folder of its own.
func (f *flights) leave(key string, fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.waiters--
	if fl.waiters == 0 {
		f.forget(key, fl)
		fl.cancel()
	}
}

// forget is called with f.mu held.
func (f *flights) forget(key string, fl *flight) {
	if f.m[key] == fl {
		delete(f.m, key)
	}
}

// close waits for all work to end. What nobody waits for has been canceled.
func (f *flights) close() { f.running.Wait() }
