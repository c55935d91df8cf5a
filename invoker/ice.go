package invoker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
)

// freezeTimeout bounds how long an instance may take to stop. One that is held up in the
// kernel for longer stays as it was.
const freezeTimeout = 2 * time.Second

// ice is whether an instance is frozen. It never is while it has an event.
type ice struct {
	hard atomic.Bool // frozen; changes with mu held

	mu      sync.Mutex // guards what follows; held while the sandbox stops and goes on
	events  int
	closing bool               // it will not be frozen any more
	reclaim context.CancelFunc // ends the reclaim under way; else nil
}

// enter counts an event in.
func (i *ice) enter(in *instance) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.events++
	_ = in.thaw(context.Background()) // one that cannot run on does not answer, which is said then
}

// leave counts it out.
func (i *ice) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.events--
}

// Freeze implements slipway.Instance. It is ErrConflict while there is an event.
func (in *instance) Freeze(ctx context.Context) error {
	in.ice.mu.Lock()
	defer in.ice.mu.Unlock()
	switch {
	case in.ice.events > 0:
		return slipway.Errorf(slipway.ErrConflict, "instance %s cannot be frozen while it has an event", in.id)
	case in.ice.hard.Load() || in.ice.closing || in.ended():
		return nil
	}
	if r, ok := in.runner.(*httpRunner); ok {
		r.dropKept()
	}
	in.turns.Add(1) // a health check that is under way does not count
	ctx, cancel := context.WithTimeout(ctx, freezeTimeout)
	defer cancel()
	if err := in.sandbox.Freeze(ctx); err != nil {
		return err
	}
	in.ice.hard.Store(true)
	return nil
}

// Thaw implements slipway.Instance.
func (in *instance) Thaw(ctx context.Context) error {
	in.ice.mu.Lock()
	defer in.ice.mu.Unlock()
	return in.thaw(ctx)
}

// thaw lets the instance go on; ice.mu is held. A reclaim is told to end, and not waited
// for: what it takes in its last moments comes back by itself.
func (in *instance) thaw(ctx context.Context) error {
	if !in.ice.hard.Load() {
		return nil
	}
	if in.ice.reclaim != nil {
		in.ice.reclaim()
	}
	if err := in.sandbox.Thaw(ctx); err != nil {
		return err
	}
	in.turns.Add(1)
	in.ice.hard.Store(false)
	return nil
}

// melt lets the instance go on for good.
func (in *instance) melt() {
	in.ice.mu.Lock()
	defer in.ice.mu.Unlock()
	in.ice.closing = true
	_ = in.thaw(context.Background()) // it is killed otherwise
}

// Reclaim implements slipway.Instance. It ends when the instance is thawed. It is
// ErrConflict for one that is not frozen, and while there is another.
func (in *instance) Reclaim(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := in.beginReclaim(cancel); err != nil {
		return 0, err
	}
	defer in.endReclaim()
	freed, err := in.sandbox.Reclaim(ctx)
	if errors.Is(err, context.Canceled) && !in.frozen() {
		err = nil // less was given back
	}
	return freed, err
}

func (in *instance) beginReclaim(cancel context.CancelFunc) error {
	in.ice.mu.Lock()
	defer in.ice.mu.Unlock()
	if !in.frozen() || in.ice.reclaim != nil {
		return slipway.Errorf(slipway.ErrConflict, "the memory of instance %s cannot be reclaimed: it is not frozen, or just being reclaimed", in.id)
	}
	in.ice.reclaim = cancel
	return nil
}

func (in *instance) endReclaim() {
	in.ice.mu.Lock()
	defer in.ice.mu.Unlock()
	in.ice.reclaim = nil
}

// frozen says whether the instance gets no processor time.
func (in *instance) frozen() bool { return in.ice.hard.Load() }
