package invoker

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// asker gets a spec from a gateway.
type asker func(ctx context.Context, ref slipway.VersionRef) (slipway.Spec, error)

// specs keeps the specs of versions, and asks again when their function changes.
type specs struct {
	ask asker

	mu      sync.RWMutex // guards what follows
	entries map[slipway.VersionRef]*specEntry
}

// specEntry is a spec that is known, or being asked for: once, whoever waits for it.
type specEntry struct {
	ready chan struct{} // closed when spec and err are set
	spec  slipway.Spec
	err   error
}

func newSpecs(ask asker) *specs {
	return &specs{ask: ask, entries: make(map[slipway.VersionRef]*specEntry)}
}

func (s *specs) get(ctx context.Context, ref slipway.VersionRef) (slipway.Spec, error) {
	s.mu.RLock()
	e := s.entries[ref]
	s.mu.RUnlock()
	if e == nil {
		e = s.begin(ctx, ref)
	}
	select {
	case <-e.ready:
		return e.spec, e.err
	case <-ctx.Done():
		return slipway.Spec{}, ctx.Err()
	}
}

// begin asks, unless another began meanwhile. An error is not kept.
func (s *specs) begin(ctx context.Context, ref slipway.VersionRef) *specEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[ref]; e != nil {
		return e
	}
	e := &specEntry{ready: make(chan struct{})}
	s.entries[ref] = e
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		if e.spec, e.err = s.ask(ctx, ref); e.err != nil {
			s.forget(ref, e)
		}
		close(e.ready)
	}()
	return e
}

func (s *specs) forget(ref slipway.VersionRef, e *specEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries[ref] == e {
		delete(s.entries, ref)
	}
}

// renew asks for a spec that is known again. Until the answer comes, and when none does,
// the old one holds: an event need not wait for it. A version that gets no events any
// more is forgotten, so that the next event hears why.
func (s *specs) renew(ctx context.Context, ref slipway.VersionRef) (slipway.Spec, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	e := &specEntry{ready: make(chan struct{})}
	e.spec, e.err = s.ask(ctx, ref)
	close(e.ready)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.err == nil:
		s.entries[ref] = e
	case idle(e.err):
		delete(s.entries, ref)
	}
	return e.spec, e.err
}

// keepOnly forgets the versions of a function that are not among some: nothing tells
// when they change, and asking for them all would grow with every deploy.
func (s *specs) keepOnly(f slipway.FunctionRef, some map[slipway.VersionRef]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ref := range s.entries {
		if functionOf(ref) == f && !some[ref] {
			delete(s.entries, ref)
		}
	}
}

// functions are those of which a spec is known.
func (s *specs) functions() map[slipway.FunctionRef]bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make(map[slipway.FunctionRef]bool)
	for ref := range s.entries {
		all[functionOf(ref)] = true
	}
	return all
}

func functionOf(ref slipway.VersionRef) slipway.FunctionRef {
	return slipway.FunctionRef{Tenant: ref.Tenant, Function: ref.Function}
}

// changed acts on the news that a function changed: what is known of it is asked for
// again, so that its scaling holds at once; the instances of versions that exist no more,
// or whose function is paused, are stopped; and what is kept ready is brought up to date.
// Versions that merely get no events any more stop by their idle timeout.
func (i *Invoker) changed(ctx context.Context, f slipway.FunctionRef) {
	i.wishes.acting.Lock()
	defer i.wishes.acting.Unlock()
	known, gone := make(map[slipway.VersionRef]bool), make(map[slipway.VersionRef]bool)
	for _, c := range i.pool.Counts() {
		if functionOf(c.VersionRef) != f {
			continue
		}
		known[c.VersionRef] = true
		spec, err := i.specs.renew(ctx, c.VersionRef)
		if err == nil {
			i.pool.Update(spec)
		}
		gone[c.VersionRef] = idle(err)
	}
	i.specs.keepOnly(f, known)
	i.pool.Retire(f, func(ref slipway.VersionRef) bool { return !gone[ref] })
	i.keep(ctx)
}

// refreshSpecs acts now and then as if everything had changed, until ctx ends: notices
// can be lost.
func (i *Invoker) refreshSpecs(ctx context.Context) {
	tick := time.NewTicker(i.cfg.Refresh)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for f := range i.specs.functions() {
			if ctx.Err() == nil {
				i.changed(ctx, f)
			}
		}
	}
}
