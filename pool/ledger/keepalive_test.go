package ledger_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// scaled is a function that keeps idle instances between these bounds.
func scaled(least, most time.Duration) func(*slipway.Config) {
	return func(c *slipway.Config) {
		c.Scaling.IdleMin, c.Scaling.IdleTimeout = slipway.Duration(least), slipway.Duration(most)
	}
}

// events has n events, each a gap after the one before, and counts those that found no
// instance. Each runs for no time.
func (w *world) events(s slipway.Spec, n int, gap func(i int) time.Duration) (cold int) {
	for i := range n {
		w.pass(gap(i))
		before := w.cold
		w.ask(s)
		w.carryOutAll()
		w.release(0, true)
		cold += w.cold - before
	}
	return cold
}

func each(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// lasts is how long an instance stays after the last event.
func (w *world) lasts() time.Duration {
	began := w.now
	for len(w.states()) > 0 {
		w.pass(time.Second)
	}
	return w.now.Sub(began)
}

// TestKeepAliveIsLearnt: how long an idle instance stays after events that came like this.
func TestKeepAliveIsLearnt(t *testing.T) {
	const least, most = 30 * time.Second, 10 * time.Minute
	for _, c := range []struct {
		name     string
		n        int
		gap      func(i int) time.Duration
		from, to time.Duration
	}{
		{"nothing is known", 3, each(time.Minute), most, most},
		{"gaps that decide nothing", 100, each(10 * time.Second), most, most},
		{"about a minute apart", 30, func(i int) time.Duration { return time.Duration(40+i%3*20) * time.Second }, 80 * time.Second, 3 * time.Minute},
		{"too far apart to be worth it", 30, func(i int) time.Duration { return time.Duration(15+i%4*9) * time.Minute }, least, least + 15*time.Second},
		{"some soon, some never", 40, func(i int) time.Duration {
			if i%4 == 0 {
				return time.Hour
			}
			return 100 * time.Second
		}, 100 * time.Second, 3 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, ledger.Config{}, 1)
			w.events(spec("a", scaled(least, most)), c.n, c.gap)
			if got := w.lasts(); got < c.from || got > c.to+2*time.Second {
				t.Errorf("it stays for %v, want %v to %v", got, c.from, c.to)
			}
		})
	}
	t.Run("bounds that are one", func(t *testing.T) {
		w := newWorld(t, ledger.Config{}, 1)
		w.events(spec("a", scaled(time.Minute, 5*time.Second)), 20, each(4*time.Second))
		if got := w.lasts(); got > 6*time.Second {
			t.Errorf("it stays for %v, and the idle timeout is 5s", got)
		}
	})
}

// TestBurstsAreLearntApart: those that a burst needed go, the one that is used each
// minute stays.
func TestBurstsAreLearntApart(t *testing.T) {
	w := newWorld(t, ledger.Config{}, 1)
	s := spec("a", scaled(30*time.Second, 10*time.Minute), scaling(10, 1))
	for range 30 {
		w.events(s, 20, func(i int) time.Duration { return time.Duration(40+i%3*20) * time.Second })
		w.askAll(s, 8)
		w.carryOutAll()
		for range 8 {
			w.release(0, true)
		}
	}
	w.pass(time.Minute)
	if n := len(w.states()); n != 1 {
		t.Errorf("%d instances a minute after a burst that comes each 20 minutes, want the one that is used", n)
	}
}

// TestRhythm: an event that comes each hour finds an instance that was started for it,
// which is there for a short time only.
func TestRhythm(t *testing.T) {
	w := newWorld(t, ledger.Config{}, 1)
	s := spec("a", scaled(30*time.Second, 5*time.Minute))
	w.events(s, 10, each(time.Hour))
	if cold := w.events(s, 20, each(time.Hour)); cold > 1 {
		t.Errorf("%d of 20 events at their time were cold", cold)
	}
	w.pass(30 * time.Minute)
	w.expect("between two events")
	w.pass(2 * time.Hour)
	w.expect("when they come no more")
	if _, due := w.l.Next(w.now); due {
		t.Error("something is due, and nothing is there")
	}
}

func TestRhythmThatIsRetired(t *testing.T) {
	w := newWorld(t, ledger.Config{}, 1)
	s := spec("a", scaled(30*time.Second, 5*time.Minute))
	w.events(s, 10, each(time.Hour))
	w.pass(10 * time.Minute)
	w.l.Retire(slipway.FunctionRef{Tenant: "default", Function: "a"}, func(slipway.VersionRef) bool { return false }, w.now)
	w.pass(time.Hour)
	if n := w.started - 10; n > 3 {
		t.Errorf("%d starts of a version that gets no events", n)
	}
	w.expect("an hour later")
}
