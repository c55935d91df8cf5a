package trigger

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
)

// counts is what this process has seen of a trigger.
type counts struct{ fired, failed atomic.Int64 }

// Count is what this process has seen of a trigger since it started.
type Count struct {
	slipway.TriggerRef
	Type          slipway.TriggerType
	Fired, Failed int64
}

// Counts are those of the triggers that shall fire, by tenant and name.
func (e *Engine) Counts() []Count {
	all := make([]Count, 0, len(e.all()))
	for ref, a := range e.all() {
		all = append(all, Count{ref, a.Type, a.counts.fired.Load(), a.counts.failed.Load()})
	}
	slices.SortFunc(all, func(a, b Count) int { return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name)) })
	return all
}

// count takes the outcome of a firing.
func (e *Engine) count(ref slipway.TriggerRef, err error) {
	a := e.all()[ref]
	switch {
	case a == nil:
	case err == nil || ran(err):
		a.counts.fired.Add(1)
	default:
		a.counts.failed.Add(1)
	}
}

// fired takes the outcome of a firing, for the status too.
func (e *Engine) fired(ref slipway.TriggerRef, f slipway.Firing, err error) {
	e.count(ref, err)
	e.did.add(ref, e.status(ref, f, err))
}

// ran says whether err is the function's own: the trigger has done its part.
func ran(err error) bool {
	var fe *slipway.FunctionError
	return errors.As(err, &fe)
}

// status is the outcome of one firing. Faults of the platform are in its log.
func (e *Engine) status(ref slipway.TriggerRef, f slipway.Firing, err error) slipway.TriggerStatus {
	if err == nil || ran(err) {
		now := e.cfg.Now().UTC()
		s := slipway.TriggerStatus{LastFired: &now, LastResult: cmp.Or(f.Invocation, f.Job), Fired: 1}
		if err != nil {
			s.LastError = "function error: " + err.Error()
		}
		return s
	}
	var known *slipway.Error
	if errors.As(err, &known) {
		return slipway.TriggerStatus{LastError: known.Message}
	}
	e.log.Error("a trigger", "tenant", ref.Tenant, "trigger", ref.Name, "err", err)
	return slipway.TriggerStatus{LastError: "something went wrong inside the platform; its log has more"}
}

// recorder writes down what triggers did, all of a second at once: a status is for people.
type recorder struct {
	store Record
	log   *slog.Logger
	news  chan struct{}

	mu  sync.Mutex // guards what follows
	did map[slipway.TriggerRef]slipway.TriggerStatus
}

func (r *recorder) add(ref slipway.TriggerRef, s slipway.TriggerStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.did == nil {
		r.did = map[slipway.TriggerRef]slipway.TriggerStatus{}
	}
	before := r.did[ref]
	s.Fired += before.Fired
	s.LastResult = cmp.Or(s.LastResult, before.LastResult)
	s.LastFired = cmp.Or(s.LastFired, before.LastFired)
	r.did[ref] = s
	ring(r.news)
}

// run writes until ctx ends, and then once more.
func (r *recorder) run(ctx context.Context) {
	for {
		select {
		case <-r.news:
		case <-ctx.Done():
			r.write(context.WithoutCancel(ctx))
			return
		}
		r.write(ctx)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// write writes what there is; what cannot be written is kept for the next time.
func (r *recorder) write(ctx context.Context) {
	r.mu.Lock()
	did := maps.Clone(r.did)
	clear(r.did)
	r.mu.Unlock()
	if len(did) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := r.store.TriggersFired(ctx, did); err != nil {
		r.log.Warn("writing down what triggers did; it is tried again", "err", err)
		r.putBack(did)
	}
}

func (r *recorder) putBack(did map[slipway.TriggerRef]slipway.TriggerStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ref, s := range did {
		since, ok := r.did[ref]
		if ok {
			s.Fired += since.Fired
			s.LastError = since.LastError
			s.LastResult = cmp.Or(since.LastResult, s.LastResult)
			s.LastFired = cmp.Or(since.LastFired, s.LastFired)
		}
		r.did[ref] = s
	}
	ring(r.news)
}
