package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/canary"
	"github.com/slipway-run/slipway/internal/bus"
)

// lookEvery is how often versions that are on trial are looked at.
const lookEvery = time.Second

// releases watches the versions that have got events only just now: canaries, and what a
// deploy has put live. It has canaries go forward, and takes events away from a version
// that does worse than the one before or does not stay up.
//
// Every gateway watches. What is decided is a change of the alias in the store, from the
// revision that was looked at: when several decide, one is heard. Nothing is kept here
// that the next gateway could not count anew.
type releases struct {
	routes   *routeTable
	invokers *invokers
	store    Aliases
	peers    *peers
	bus      *bus.Bus
	log      *slog.Logger
	news     bell
	changed  func(context.Context, slipway.FunctionRef)

	tallies tallies
}

// run looks at the versions on trial until ctx ends.
func (r *releases) run(ctx context.Context) {
	lines := r.bus.LogWriter(ctx)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.news:
			r.tallies.watch(trialsOf(r.onTrial(time.Now())))
			continue
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		all := r.onTrial(now)
		r.tallies.watch(trialsOf(all))
		for _, one := range all {
			if move := r.decide(one, now); move != nil {
				r.carryOut(ctx, one, *move, lines)
			}
		}
	}
}

// carryOut makes the move, unless another gateway was quicker, and says so in the
// function's log.
func (r *releases) carryOut(ctx context.Context, one release, m move, lines *bus.LogWriter) {
	a := one.alias
	done, err := r.store.StepAlias(ctx, a, m.next, m.mark)
	if errors.Is(err, slipway.ErrConflict) || errors.Is(err, slipway.ErrNotFound) {
		if err := r.routes.refresh(ctx, a.Ref()); err != nil && ctx.Err() == nil {
			r.log.Warn("reading a changed route; the old one stays", "tenant", a.Tenant, "function", a.Function, "err", err)
		}
		return
	}
	if err != nil {
		if ctx.Err() == nil {
			r.log.Warn("moving an alias", "tenant", a.Tenant, "function", a.Function, "alias", a.Name, "err", err)
		}
		return
	}
	r.changed(ctx, a.Ref())
	text := said(one, done)
	if m.mark != nil {
		text = m.mark.Reason
	}
	r.log.Info("an alias moved by itself", "tenant", a.Tenant, "function", a.Function, "alias", a.Name, "version", one.version, "reason", text)
	for line := range strings.Lines(text) {
		lines.Write(slipway.LogLine{At: time.Now().UTC(), Tenant: a.Tenant, Function: a.Function, Version: one.version, Stream: "platform", Text: strings.TrimRight(line, "\n")})
	}
}

// said is a step forward in words.
func said(one release, done slipway.Alias) string {
	if done.Canary == nil {
		return fmt.Sprintf("canary passed: %s is version %d", done.Name, done.Version)
	}
	return fmt.Sprintf("canary goes on: version %d gets %.4g%% of %s", one.version, 100*done.Canary.Share(), done.Name)
}

// progress is how the canary of a goes, or nil when it has none.
func (r *releases) progress(a slipway.Alias) *slipway.Progress {
	if a.Canary == nil {
		return nil
	}
	other, _ := a.Other()
	one := release{alias: a, version: other}
	current, second := r.counted(one.trial(a.Version)), r.counted(one.trial(other))
	verdict := canary.Judge(*a.Canary, current.Counts, second.Counts, time.Since(a.Canary.Since))
	return &slipway.Progress{Current: current.shown(a.Version), Canary: second.shown(other), Waits: verdict.Reason}
}

func (s seen) shown(version int) slipway.VersionProgress {
	return slipway.VersionProgress{Version: version, Events: s.Events, Errors: s.Errors, P95: slipway.Duration(s.Latency.Percentile(canary.Tail))}
}
