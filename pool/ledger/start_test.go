package ledger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

const ms = time.Millisecond

// learn has one event of s run alone, so that it is known what a start and a run take.
func (w *world) learn(s slipway.Spec, cold, run time.Duration) {
	w.ask(s)
	w.now = w.now.Add(cold)
	w.carryOut("start", nil)
	w.now = w.now.Add(run)
	w.release(0, true)
}

func (w *world) askAll(s slipway.Spec, n int) {
	for range n {
		w.ask(s)
	}
}

// TestStartsWhenWaitingCostsMore: with one member, how many starts do so many events at
// once cause?
func TestStartsWhenWaitingCostsMore(t *testing.T) {
	for _, c := range []struct {
		name      string
		cold, run time.Duration
		slots     int
		events    int
		starts    int
	}{
		{"short runs wait for the one there is", 100 * ms, 10 * ms, 1, 1 + 10, 0},
		{"one more is worth a start", 100 * ms, 10 * ms, 1, 1 + 11, 1},
		{"those beyond are worth one each", 100 * ms, 10 * ms, 1, 1 + 15, 5},
		{"long runs are worth a start each", 100 * ms, time.Second, 1, 1 + 5, 5},
		{"a run as long as a start", 100 * ms, 100 * ms, 1, 1 + 3, 2},
		{"more slots serve more", 100 * ms, 10 * ms, 4, 4 + 40, 0},
		{"a start brings more slots", 100 * ms, 10 * ms, 4, 4 + 46, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, ledger.Config{}, 1)
			s := spec("a", scaling(100, c.slots))
			w.learn(s, c.cold, c.run)
			w.askAll(s, c.events)
			if n := len(w.orders["start"]); n != c.starts {
				t.Errorf("%d starts, want %d", n, c.starts)
			}
		})
	}
	t.Run("members that serve one event each are not waited for", func(t *testing.T) {
		w := newWorld(t, ledger.Config{}, 1)
		s := spec("a")
		w.learn(s, 100*ms, ms)
		w.ask(s)
		w.release(0, false)
		w.carryOutAll()
		w.askAll(s, 5)
		if n := len(w.orders["start"]); n != 5 {
			t.Errorf("%d starts, want 5", n)
		}
	})
	t.Run("as long as nothing is known, each is", func(t *testing.T) {
		w := newWorld(t, ledger.Config{}, 1)
		w.askAll(spec("a"), 5)
		if n := len(w.orders["start"]); n != 5 {
			t.Errorf("%d starts, want 5", n)
		}
	})
}

// TestStartsWhenWaitedAsLong: an expectation that is wrong makes nobody wait longer than
// a start takes, and a crowd that does not end is worth one.
func TestStartsWhenWaitedAsLong(t *testing.T) {
	w := newWorld(t, ledger.Config{}, 1)
	s := spec("a")
	w.learn(s, 100*ms, ms)
	w.askAll(s, 2) // the first runs for ever
	w.pass(99 * ms)
	w.expect("before", slipway.InstanceBusy)
	w.pass(ms)
	if w.served != 3 {
		t.Errorf("%d events got a slot, want all 3", w.served)
	}
}

func TestStartRate(t *testing.T) {
	w := newWorld(t, ledger.Config{StartBurst: 10, StartRate: 20}, 1)
	flood, other := spec("flood", scaling(1000, 1)), spec("other", scaling(1000, 1))
	w.askAll(flood, 100)
	w.askAll(other, 10)
	if n := len(w.orders["start"]); n != 10 {
		t.Errorf("%d starts at once, want the burst of 10", n)
	}
	w.pass(510 * ms)
	got := map[string]int{}
	for _, m := range w.l.Members(nil) {
		got[m.Spec().Function]++
	}
	if got["other"] != 10 || got["flood"] != 10 {
		t.Errorf("%v after ten more, want them to go to who has least", got)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		cfg    ledger.Config
		change func(*slipway.Config)
		events int
		wait   time.Duration
		kind   error
		says   []string
	}{
		{"too many wait for all there may be", ledger.Config{MaxWaiting: 2}, scaling(3, 1), 6, 0,
			slipway.ErrLimit, []string{`all 3 instances of function "a" are busy`, "2 invocations wait already", "scaling.max"}},
		{"one waits for too long for them", ledger.Config{MaxWait: 5 * time.Second}, scaling(3, 1), 4, 5 * time.Second,
			slipway.ErrLimit, []string{`all 3 instances of function "a" are busy`, "within 5s"}},
		{"the machine is full for too long", ledger.Config{MaxWait: 5 * time.Second, MemoryMB: 512}, scaling(3, 1), 3, 5 * time.Second,
			slipway.ErrUnavailable, []string{"the machine is full", `"a" (256 MiB)`, "within 5s"}},
		{"it never fits", ledger.Config{MemoryMB: 128}, scaling(3, 1), 1, 0,
			slipway.ErrUnavailable, []string{"needs 256 MiB", "128 in all"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.cfg, 1)
			s := spec("a", c.change)
			if c.cfg.MemoryMB != 128 {
				w.learn(s, ms, 10*time.Second)
			}
			w.askAll(s, c.events)
			w.pass(c.wait - ms)
			if c.wait > 0 && len(w.refused) > 0 {
				t.Fatalf("refused before its time: %v", w.refused)
			}
			w.pass(2 * ms)
			if len(w.refused) == 0 {
				t.Fatal("nobody was refused")
			}
			err := w.refused[len(w.refused)-1]
			if !errors.Is(err, c.kind) {
				t.Errorf("%v is no %v", err, c.kind)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}

// TestRetryAfter: it says when those who wait will have been served.
func TestRetryAfter(t *testing.T) {
	w := newWorld(t, ledger.Config{MaxWaiting: 7}, 1)
	s := spec("a", scaling(2, 1))
	w.learn(s, ms, 5*time.Second)
	w.askAll(s, 10)
	w.carryOutAll()
	w.askAll(s, 2)
	if err := w.refused[len(w.refused)-1]; slipway.RetryAfter(err) != 20*time.Second {
		t.Errorf("Retry-After %v, want 8 events of 5 s by 2 instances", slipway.RetryAfter(err))
	}
}

// TestSlowStartIsWaitedFor: who waits for a start that is under way is not refused.
func TestSlowStartIsWaitedFor(t *testing.T) {
	w := newWorld(t, ledger.Config{MaxWait: time.Second}, 1)
	w.ask(spec("a"))
	for range 10 {
		w.now = w.now.Add(time.Second)
		w.l.Sweep(w.now)
		w.obey()
	}
	w.carryOut("start", nil)
	if w.served != 1 {
		t.Errorf("it was refused: %v", w.refused)
	}
}
