package invoker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// wishes is what the gateways want to be kept ready on this machine.
type wishes struct {
	news chan struct{} // gets a value when list changed

	mu    sync.Mutex // guards what follows
	list  []slipway.Wish
	until time.Time // the end of the lease

	// acting is held while the pool is told something that follows from a spec, so that
	// what is old is never said after what is new.
	acting sync.Mutex
	kept   map[slipway.VersionRef]slipway.Kept // what the pool was told last
}

func newWishes() *wishes { return &wishes{news: make(chan struct{}, 1)} }

// take replaces the list.
func (w *wishes) take(list slipway.WishList) {
	w.mu.Lock()
	w.list, w.until = list.Wishes, time.Now().Add(list.Lease.D())
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// standing is the list, and how long it holds; it is void at the end of its lease.
func (w *wishes) standing() ([]slipway.Wish, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := time.Until(w.until)
	if left <= 0 {
		w.list = nil
	}
	return w.list, left
}

// fulfil has the pool keep what is wanted, whenever that changes, until ctx ends.
func (i *Invoker) fulfil(ctx context.Context) {
	void := time.NewTimer(0)
	defer void.Stop()
	for {
		select {
		case <-i.wishes.news:
		case <-void.C:
		case <-ctx.Done():
			return
		}
		i.wishes.acting.Lock()
		i.keep(ctx)
		i.wishes.acting.Unlock()
		if _, left := i.wishes.standing(); left > 0 {
			void.Reset(left)
		}
	}
}

// keep tells the pool what is wanted now. A version that gets no events is not kept; one
// whose spec cannot be had just now is kept as before. wishes.acting is held.
func (i *Invoker) keep(ctx context.Context) {
	list, _ := i.wishes.standing()
	kept := make(map[slipway.VersionRef]slipway.Kept, len(list))
	wanted := make([]slipway.Kept, 0, len(list))
	for _, wish := range list {
		k, err := slipway.Kept{Instances: wish.Instances, Limit: wish.Limit, Standby: wish.Standby}, error(nil)
		if k.Spec, err = i.specs.get(ctx, wish.VersionRef); err != nil {
			before, ok := i.wishes.kept[wish.VersionRef]
			if !ok || idle(err) {
				i.log.Debug("a version is not kept ready", "tenant", wish.Tenant, "function", wish.Function, "version", wish.Version, "err", err)
				continue
			}
			k.Spec = before.Spec
		}
		kept[wish.VersionRef] = k
		wanted = append(wanted, k)
	}
	if ctx.Err() == nil {
		i.wishes.kept = kept
		i.pool.Keep(wanted)
	}
}

// idle says whether err means that a version gets no events any more.
func idle(err error) bool {
	return errors.Is(err, slipway.ErrNotFound) || errors.As(err, new(pausedError))
}

// pausedError says that the function of a version takes no events.
type pausedError struct{ error }

func (e pausedError) Unwrap() error { return e.error }
