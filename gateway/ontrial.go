package gateway

import (
	"fmt"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/canary"
)

// release is an alias one of whose versions is on trial.
type release struct {
	alias    slipway.Alias
	version  int // on trial
	failures int // falls in a row that end the trial
}

// trial is what is counted of a version. Of a canary the sum over all gateways decides;
// what falls, falls at each of them.
func (r release) trial(version int) trial {
	return trial{
		version: slipway.VersionRef{Tenant: r.alias.Tenant, Function: r.alias.Function, Version: version},
		alias:   r.alias.Name, revision: r.alias.Revision, shared: r.alias.Canary != nil,
	}
}

// onTrial lists the aliases to watch.
func (r *releases) onTrial(now time.Time) []release {
	var all []release
	for _, route := range r.routes.all() {
		for name, a := range route.stored {
			s, ok := route.aliases[name]
			if !ok || route.paused {
				continue
			}
			rules := s.main.Config.Release
			switch {
			case a.Canary != nil && s.other != nil:
				all = append(all, release{a, s.other.Version, rules.Failures})
			case name == slipway.LiveAlias && rules.AutoRollback && a.MovedBy.Automatic() &&
				now.Sub(a.MovedAt) < rules.Window.D() && route.specs[a.Previous] != nil:
				all = append(all, release{a, a.Version, rules.Failures})
			}
		}
	}
	return all
}

// trialsOf is every version that is counted for all: of a canary both.
func trialsOf(all []release) []trial {
	var trials []trial
	for _, one := range all {
		trials = append(trials, one.trial(one.version))
		if one.alias.Canary != nil {
			trials = append(trials, one.trial(one.alias.Version))
		}
	}
	return trials
}

// move is what is decided about an alias.
type move struct {
	next slipway.Alias
	mark *slipway.Mark // why events were taken from a version; nil when none were
}

// decide is what is to be done now, or nil.
func (r *releases) decide(one release, now time.Time) *move {
	if reason := r.fallen(one); reason != "" {
		return back(one, reason)
	}
	if one.alias.Canary == nil {
		return nil
	}
	current, second := r.counted(one.trial(one.alias.Version)), r.counted(one.trial(one.version))
	plan := *one.alias.Canary
	verdict := canary.Judge(plan, current.Counts, second.Counts, now.Sub(plan.Since))
	switch verdict.Act {
	case canary.Abort:
		reason := verdict.Reason
		if verdict.Errors && second.last != "" {
			reason += ", last error: " + second.last
		}
		return back(one, reason)
	case canary.Advance:
		return forward(one)
	default:
		return nil
	}
}

// back gives the events to the version before.
func back(one release, reason string) *move {
	next := one.alias
	next.Weights, next.Canary = nil, nil
	if one.alias.Canary == nil {
		next.Version, next.MovedBy = one.alias.Previous, slipway.MovedByAutoRollback
		reason = fmt.Sprintf("live went back to version %d: %s", next.Version, reason)
	} else {
		reason = fmt.Sprintf("canary aborted: %s", reason)
	}
	return &move{next, &slipway.Mark{Version: one.version, Reason: reason}}
}

// forward is the next step; after the last the alias moves as a whole.
func forward(one release) *move {
	next := one.alias
	if step := one.alias.Canary.Step + 1; step < len(one.alias.Canary.Steps) {
		next.Canary = one.alias.Canary.Begin(step, time.Time{})
		return &move{next: next}
	}
	next.Version, next.MovedBy, next.Weights, next.Canary = one.version, slipway.MovedByCanary, nil, nil
	return &move{next: next}
}

// fallen says why the version on trial does not stay up, or "": so many events in a row
// have ended with their instance, or so many starts in a row went wrong while no invoker
// has an instance that is well.
func (r *releases) fallen(one release) string {
	on := one.trial(one.version)
	if t := r.tallies.find(on); t != nil && t.fallen.Load() >= int64(one.failures) {
		return fmt.Sprintf("%d instances in a row ended with their event: %s", t.fallen.Load(), t.lastError())
	}
	failures, reason := 0, ""
	for _, inv := range r.invokers.states() {
		for _, v := range inv.Versions {
			if v.VersionRef != on.version {
				continue
			}
			if v.Failures == 0 && v.Instances > 0 {
				return ""
			}
			if failures += v.Failures; v.Failure != "" {
				reason = v.Failure
			}
		}
	}
	if failures < one.failures {
		return ""
	}
	return fmt.Sprintf("%d starts in a row went wrong: %s", failures, reason)
}

// seen is what all gateways counted of a version.
type seen struct {
	canary.Counts
	last string // error
}

func (r *releases) counted(on trial) seen {
	var all seen
	if own := r.tallies.find(on); own != nil {
		all = seen{own.counts(), own.lastError()}
	}
	for _, peer := range r.peers.present(time.Now()) {
		for _, t := range peer.Tallies {
			if (trial{t.VersionRef, t.Alias, t.Revision, true}) == on {
				all.Add(reported(t))
				if all.last == "" {
					all.last = t.Last
				}
			}
		}
	}
	return all
}
