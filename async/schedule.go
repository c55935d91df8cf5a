package async

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

// settingsFor is how long the settings of a function are taken as they were.
const settingsFor = 250 * time.Millisecond

// schedule begins what is due, until ctx ends.
func (e *Engine) schedule(ctx context.Context) {
	clock := time.NewTimer(0)
	defer clock.Stop()
	cache := newSettingsCache(e)
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.pending:
		case <-clock.C:
		}
		wait := e.cfg.Look
		for {
			begun, err := e.begin(ctx, cache)
			if err != nil {
				if ctx.Err() == nil {
					e.log.Warn("beginning asynchronous events; trying again", "err", err)
				}
				break
			}
			if begun == 0 || ctx.Err() != nil {
				break
			}
		}
		now := e.cfg.Now()
		if next := e.queues.next(now); !next.IsZero() {
			wait = min(wait, max(next.Sub(now), time.Millisecond))
		}
		clock.Reset(wait)
	}
}

// begin claims turns for what is free, and runs them.
func (e *Engine) begin(ctx context.Context, cache *settingsCache) (begun int, err error) {
	now := e.cfg.Now()
	hints := e.queues.hintCounts()
	claims := e.queues.claim(now, func(ref slipway.FunctionRef) (int, bool) { return cache.ask(ctx, ref) })
	if len(claims) == 0 {
		return 0, nil
	}
	turns, err := e.parts.Store.ClaimTurns(ctx, e.id, now, claims)
	got := map[slipway.FunctionRef]int{}
	for _, t := range turns {
		got[t.Ref()]++
	}
	for _, c := range claims {
		if err != nil {
			hints[c.FunctionRef] = -1 // nothing was learnt: what is due still is
		}
		e.queues.claimed(c, got[c.FunctionRef], hints)
	}
	if err != nil {
		return 0, err
	}
	e.start(ctx, turns)
	return len(turns), nil
}

// start runs turns, each on its own. Those whose events cannot be read go back.
func (e *Engine) start(ctx context.Context, turns []slipway.Turn) {
	err := e.parts.Store.LoadEvents(ctx, turns)
	for _, t := range turns {
		life, ended := e.running.add(context.WithoutCancel(ctx), t.ID)
		go func() {
			var o ending
			if err != nil {
				o = platformError(slipway.Errorf(slipway.ErrUnavailable, "the event could not be read: %w", err))
			} else {
				o = e.run(life, t)
			}
			e.finish(t, o)
			ended()
		}()
	}
}

// settingsCache asks for the settings of a function no more often than needed.
type settingsCache struct {
	e     *Engine
	known map[slipway.FunctionRef]cachedSettings
}

type cachedSettings struct {
	at       time.Time
	capacity int
	paused   bool
}

func newSettingsCache(e *Engine) *settingsCache {
	return &settingsCache{e, map[slipway.FunctionRef]cachedSettings{}}
}

// unknownCapacity is for functions that do not exist, whose events are to fail soon.
const unknownCapacity = 16

func (c *settingsCache) ask(ctx context.Context, ref slipway.FunctionRef) (capacity int, paused bool) {
	now := time.Now()
	if known, ok := c.known[ref]; ok && now.Sub(known.at) < settingsFor {
		return known.capacity, known.paused
	}
	if len(c.known) > 10_000 {
		clear(c.known)
	}
	fresh := cachedSettings{at: now, capacity: 1}
	s, err := c.e.parts.Functions.AsyncSettings(ctx, ref, "")
	switch {
	case err == nil:
		fresh.capacity, fresh.paused = share(s.Capacity, c.e.others.alive()), s.Paused
	case errors.Is(err, slipway.ErrNotFound):
		fresh.capacity = unknownCapacity
	}
	c.known[ref] = fresh
	return fresh.capacity, fresh.paused
}

// share is a part of a capacity for each of some engines, rounded up.
func share(capacity, engines int) int {
	engines = max(1, engines)
	return max(1, (capacity+engines-1)/engines)
}
