package batch

import (
	"log/slog"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/life"
)

// A scheduler that hears nothing of anybody blames no invoker for it; one that hears
// itself, and not the invoker, does.
func TestSilence(t *testing.T) {
	for _, deaf := range []bool{true, false} {
		start := time.Now()
		now := start
		e := New(Config{LostAfter: 10 * time.Second, Now: func() time.Time { return now }}, nil, nil, slog.New(slog.NewTextHandler(t.Output(), nil)))
		s := newScheduler(e, 1)
		j := s.book.Add(slipway.JobRecord{ID: "j", Tenant: "t", JobState: slipway.JobState{Num: 1, Status: slipway.JobSubmitted}}, life.History{}, nil, now)
		s.book.Take(j.Num, 1, slipway.JobSlice{Assignment: "a", Invoker: "i-1", Incarnation: "first"})
		state := slipway.InvokerState{ID: "i-1", Jobs: &slipway.JobRoom{Incarnation: "first"}}
		s.hears(now)
		s.heard(state, now)
		for now.Sub(start) < time.Minute { // of silence
			now = now.Add(250 * time.Millisecond)
			if !deaf {
				s.hears(now)
			}
			if !s.deaf(now) {
				s.lose(now)
			}
		}
		s.hears(now) // before the invoker is
		s.lose(now)
		if has := s.book.Slice("a") != nil; has != deaf {
			t.Errorf("deaf %v: the invoker has the attempt: %v", deaf, has)
		}
		for range 41 {
			now = now.Add(250 * time.Millisecond)
			s.hears(now)
			s.lose(now)
		}
		if s.book.Slice("a") != nil {
			t.Errorf("deaf %v: the invoker is not missed", deaf)
		}
	}
}
