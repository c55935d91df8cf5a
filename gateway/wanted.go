package gateway

import (
	"math"
	"time"

	"github.com/slipway-run/slipway"
)

// want is a version of which instances are to be ready before anybody asks.
type want struct {
	spec    *slipway.Spec
	n       int
	standby bool // one stays where there is one, and none is started
}

// wanted is what is to be kept of every function: what scaling asks for of its live
// version, or of both by their shares where live is split (beside a canary, of the first
// in full); and, while it may have to take over again, an instance of the version that
// was live before.
func (t *routeTable) wanted(now time.Time) []want {
	var all []want
	for _, r := range t.all() {
		if !r.paused {
			all = r.wanted(all, now)
		}
	}
	return all
}

func (r *route) wanted(all []want, now time.Time) []want {
	s, ok := r.aliases[slipway.LiveAlias]
	if !ok {
		return all
	}
	n, share := ahead(s.main.Config.Scaling), 0.0
	if s.other != nil {
		share = s.share
		all = appendWant(all, s.other, portion(n, share))
	}
	if r.stored[slipway.LiveAlias].Canary != nil {
		share = 0 // what it may get back at once, it must be able to take
	}
	all = appendWant(all, s.main, portion(n, 1-share))
	if before := r.standby(s, now); before != nil {
		all = append(all, want{spec: before, n: 1, standby: true})
	}
	return all
}

func appendWant(all []want, spec *slipway.Spec, n int) []want {
	if n == 0 {
		return all
	}
	return append(all, want{spec: spec, n: n})
}

// portion is a share of n, rounded up: none that gets events goes without.
func portion(n int, share float64) int { return int(math.Ceil(float64(n)*share - 1e-9)) }

// standby is the version that live named before, as long as going back to it is to be
// instant; nil when there is none, or when it was left because it did not stay up.
func (r *route) standby(live split, now time.Time) *slipway.Spec {
	a := r.stored[slipway.LiveAlias]
	before := r.specs[a.Previous]
	switch {
	case before == nil, before == live.main, before == live.other, a.MovedBy == slipway.MovedByAutoRollback:
		return nil
	case now.Sub(a.MovedAt) >= live.main.Config.Release.Window.D():
		return nil
	}
	return before
}
