package async

import (
	"context"
	"errors"
	"sync"
	"time"
)

// running are the events that functions have now, by id.
type running struct {
	mu      sync.Mutex
	cancels map[string]context.CancelCauseFunc
	all     sync.WaitGroup
}

// Why an event is taken from its function.
var (
	errCancelled = errors.New("the invocation was cancelled")
	errStopping  = errors.New("the platform stops")
)

func newRunning() *running { return &running{cancels: map[string]context.CancelCauseFunc{}} }

// add gives an event its context; ended must be called when it is over.
func (r *running) add(ctx context.Context, id string) (life context.Context, ended func()) {
	life, cancel := context.WithCancelCause(ctx)
	r.mu.Lock()
	r.cancels[id] = cancel
	r.mu.Unlock()
	r.all.Add(1)
	return life, func() {
		r.mu.Lock()
		delete(r.cancels, id)
		r.mu.Unlock()
		cancel(nil)
		r.all.Done()
	}
}

// cancel ends an event, if it runs here.
func (r *running) cancel(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	cancel, ok := r.cancels[id]
	if ok {
		cancel(errCancelled)
	}
	return ok
}

func (r *running) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.cancels)
}

// finish waits for what runs, and ends what still does after grace.
func (r *running) finish(grace time.Duration) {
	impatient := time.AfterFunc(grace, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, cancel := range r.cancels {
			cancel(errStopping)
		}
	})
	defer impatient.Stop()
	r.all.Wait()
}
