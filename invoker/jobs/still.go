package jobs

import (
	"context"
	"math"
	"time"

	"github.com/slipway-run/slipway"
)

const (
	tellAfter = time.Second      // who stands still for less is no news
	stuckFor  = 10 * time.Second // who could not be frozen is left alone
)

// stillness is what follows when an attempt stands still for long.
type stillness struct {
	timer  *time.Timer
	told   bool
	shrink context.CancelFunc // ends a reclaim; nil when none was begun
}

func newStillness() stillness {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return stillness{timer: t}
}

// begin is called when the attempt was frozen.
func (s *stillness) begin() { s.timer.Reset(tellAfter) }

// end is called when it goes on. It says whether somebody was told that it does not. A
// reclaim is told to end, and not waited for: what it takes in its last moments comes back
// by itself.
func (s *stillness) end() (told bool) {
	s.timer.Stop()
	if s.shrink != nil {
		s.shrink()
	}
	told = s.told
	s.told, s.shrink = false, nil
	return told
}

// last is called when it has stood still for a while, and then for a longer one: that is
// reported, and then its memory goes to swap, where there is some. It keeps its loan.
func (s *supervisor) last(ctx context.Context) {
	if !s.still.told {
		s.still.told = true
		if after := s.runner.cfg.ShrinkAfter; after > 0 {
			s.still.timer.Reset(max(0, after-tellAfter))
		}
		s.runner.reports.add(s.report(slipway.AttemptFrozen))
		return
	}
	ctx, s.still.shrink = context.WithCancel(ctx)
	go func() {
		if _, err := s.sandbox.Reclaim(ctx); err != nil && ctx.Err() == nil {
			s.runner.log.Debug("the memory of an attempt that stands still could not be reclaimed", "job", s.work.Job, "err", err)
		}
	}()
}

// cannotFreeze leaves an attempt alone for a while, or for ever, so that others stand
// still in its place.
func (r *Runner) cannotFreeze(a *attempt, ever bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.wanted.still = false
	a.stuck = time.Now().Add(stuckFor)
	if ever {
		a.stuck = time.Now().Add(math.MaxInt64)
	}
	ring(r.moved)
}
