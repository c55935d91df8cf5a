package async

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
)

// others is what an engine knows of the others. Nobody's clock is compared with another's:
// an engine is gone when its beat has not grown for a lease by the clock of who watches.
type others struct {
	self, node string
	lease      time.Duration
	living     atomic.Int64

	mu   sync.Mutex
	seen map[string]seenEngine
}

type seenEngine struct {
	beat int64
	at   time.Time // when it was new; with the monotonic clock
}

func newOthers(self, node string, lease time.Duration) *others {
	o := &others{self: self, node: node, lease: lease, seen: map[string]seenEngine{}}
	o.living.Store(1)
	return o
}

// alive is how many engines there are, with this one.
func (o *others) alive() int { return int(o.living.Load()) }

// heard takes what the store has of all engines, and gives those that are gone: silent for
// too long, or an earlier life of this very process.
func (o *others) heard(all []slipway.Engine, now time.Time) (gone []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := make(map[string]seenEngine, len(all))
	for _, e := range all {
		before, known := o.seen[e.ID]
		if !known || before.beat != e.Beat {
			before = seenEngine{e.Beat, now}
		}
		seen[e.ID] = before
		if e.ID != o.self && (e.Node == o.node || now.Sub(before.at) > o.lease) {
			gone = append(gone, e.ID)
		}
	}
	o.seen = seen
	o.living.Store(int64(max(1, len(all)-len(gone))))
	return gone
}

// beat says that this engine lives, and takes over the events of those that do not.
func (e *Engine) beat(ctx context.Context) error {
	all, err := e.parts.Store.EngineBeat(ctx, e.id, e.cfg.Node)
	if err != nil {
		return err
	}
	for _, id := range e.others.heard(all, time.Now()) {
		n, err := e.parts.Store.DropEngine(ctx, id, e.cfg.Now(), interrupted)
		if err != nil {
			return err
		}
		e.log.Info("the events of an engine that is gone run again", "engine", id, "events", n)
		e.pending.ring()
	}
	return nil
}

// leave says that this engine is gone. It has nothing any more, unless the store did not
// take it.
func (e *Engine) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Grace)
	defer cancel()
	_, err := e.parts.Store.DropEngine(ctx, e.id, e.cfg.Now(), interrupted)
	return err
}

// look asks the store what has changed there: functions with events that are due, and
// events that somebody has cancelled.
func (e *Engine) look(ctx context.Context) error {
	hints := e.queues.hintCounts()
	due, err := e.parts.Store.DueFunctions(ctx)
	if err != nil {
		return err
	}
	e.queues.saw(due, hints)
	if len(due) > 0 {
		e.pending.ring()
	}
	if e.running.count() == 0 {
		return nil
	}
	ids, err := e.parts.Store.Cancelling(ctx, e.id)
	for _, id := range ids {
		e.running.cancel(id)
	}
	return err
}

// every calls do now and then until ctx ends. What goes wrong is logged and tried again.
func (e *Engine) every(ctx context.Context, pause time.Duration, what string, do func(context.Context) error) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("a periodic task of the engine of events; trying again", "task", what, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
