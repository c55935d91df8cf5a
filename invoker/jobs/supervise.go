package jobs

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/slipway-run/slipway"
)

// recalled is why an attempt is ended whose loan is.
const recalled = "functions need its memory"

// supervise returns when the process has ended. Until then it does what is wanted:
//
//	         freeze               stop, timeout, recall
//	runs ───────────→ stands still ──────────┐
//	 │  ←───────────                         ↓ (thawed first)
//	 │      thaw                        SIGTERM, grace, SIGKILL
//	 └───────────────────────────────────────↑
//
// The timeout does not run while it stands still.
func (a *attempt) supervise(ctx context.Context) {
	s := supervisor{attempt: a, alarm: newStopwatch(a.work.Timeout.D()), still: newStillness()}
	defer s.alarm.stop()
	defer s.still.end()
	recall := a.loan.Recalled()
	for {
		select {
		case <-a.sandbox.Done():
			return
		case <-a.news:
		case <-recall:
			recall = nil
			a.runner.wantOf(a, returned, recalled)
		case <-s.alarm.timer.C:
			s.late()
		case <-s.still.timer.C:
			s.last(ctx)
		}
		s.act(ctx)
	}
}

// supervisor is what supervise knows of an attempt.
type supervisor struct {
	*attempt
	alarm stopwatch // of the timeout; then of the grace
	ended ending    // SIGTERM was sent for it
	froze bool
	still stillness
}

// late is called when the time is up.
func (s *supervisor) late() {
	if s.ended != itself {
		_ = s.sandbox.Signal(syscall.SIGKILL) // one that has ended is as good
		return
	}
	s.runner.wantOf(s.attempt, timedOut, fmt.Sprintf("job attempt exceeded its timeout of %s", s.work.Timeout.D()))
}

// act brings the attempt to what is wanted of it.
func (s *supervisor) act(ctx context.Context) {
	want := s.wish()
	switch {
	case want.end > s.ended:
		s.freeze(ctx, false)
		s.terminate(want)
	case s.ended == itself && want.still != s.froze:
		s.freeze(ctx, want.still)
	}
}

// terminate asks the process to end, and gives it a while.
func (s *supervisor) terminate(want wish) {
	before := s.ended
	s.ended, s.sent = want.end, want
	grace := s.runner.cfg.Grace
	if want.end == returned {
		grace = s.runner.cfg.ReturnGrace
	}
	if want.end != returned {
		s.say(prefixes[want.end] + want.reason)
	}
	if err := s.sandbox.Signal(syscall.SIGTERM); err != nil {
		s.runner.log.Warn("an attempt could not be told to end", "job", s.work.Job, "err", err)
	}
	if before == itself { // who is being ended gets no more time for a second reason
		s.alarm.set(grace)
	}
}

// freeze has the attempt stand still, or go on, which is told when it lasts.
func (s *supervisor) freeze(ctx context.Context, still bool) {
	if still == s.froze {
		return
	}
	change := s.sandbox.Thaw
	if still {
		change = s.sandbox.Freeze
	}
	if err := change(ctx); err != nil {
		s.runner.log.Warn("an attempt could not be frozen or thawed", "job", s.work.Job, "still", still, "err", err)
		if still {
			s.runner.cannotFreeze(s.attempt, errors.Is(err, errors.ErrUnsupported))
		}
		return
	}
	s.froze = still
	s.runner.stoodStill(s.attempt, still)
	if still {
		s.alarm.pause()
		s.still.begin()
		return
	}
	s.alarm.resume()
	if s.still.end() {
		s.runner.reports.add(s.report(slipway.AttemptThawed))
	}
}

// stopwatch is a timer that can be held.
type stopwatch struct {
	timer *time.Timer
	left  time.Duration // when it was set or resumed last; 0 or less never ends
	since time.Time     // of that; zero while it is held
}

func newStopwatch(d time.Duration) stopwatch {
	w := stopwatch{timer: time.NewTimer(time.Hour)}
	w.set(d)
	return w
}

// set begins anew.
func (w *stopwatch) set(d time.Duration) {
	w.timer.Stop()
	w.left, w.since = d, time.Now()
	if d > 0 {
		w.timer.Reset(d)
	}
}

func (w *stopwatch) pause() {
	if w.left > 0 && !w.since.IsZero() {
		w.timer.Stop()
		w.left = max(time.Nanosecond, w.left-time.Since(w.since))
		w.since = time.Time{}
	}
}

func (w *stopwatch) resume() {
	if w.left > 0 && w.since.IsZero() {
		w.set(w.left)
	}
}

func (w *stopwatch) stop() { w.timer.Stop() }
