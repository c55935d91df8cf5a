package yield_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/yield"
)

const ms = time.Millisecond

// world has jobs that do at once what the rule says.
type world struct {
	t      *testing.T
	rule   *yield.Rule
	now    time.Time
	wanted float64
	jobs   []yield.Job
	next   time.Time

	began    int64
	keeps    float64                  // of the environment of the next job
	quiet    bool                     // jobs neither come nor go
	stillFor map[string]time.Duration // in all
	since    map[string]time.Time     // when it was frozen last
	changes  int                      // that were ordered
}

func newWorld(t *testing.T, cpu float64) *world {
	return &world{t: t, rule: yield.New(yield.Config{CPU: cpu}), now: time.Unix(1e9, 0),
		stillFor: map[string]time.Duration{}, since: map[string]time.Time{}}
}

func (w *world) begin(cpu float64, priority int, p slipway.Preemption) string {
	w.began++
	id := fmt.Sprint("job", w.began)
	w.jobs = append(w.jobs, yield.Job{ID: id, CPU: cpu, Priority: priority, Preemption: p, Number: w.began, Environment: fmt.Sprint("keeps ", w.keeps), MinCPU: w.keeps})
	w.look()
	return id
}

func (w *world) want(vcpus float64) {
	w.wanted = vcpus
	w.look()
}

// look asks the rule, does what it says, and holds its invariants.
func (w *world) look() {
	w.t.Helper()
	d := w.rule.Look(w.now, w.wanted, w.jobs)
	w.next = d.Next
	for i := range w.jobs {
		j := &w.jobs[i]
		freeze, thaw := slices.Contains(d.Freeze, j.ID), slices.Contains(d.Thaw, j.ID)
		switch {
		case freeze && thaw, freeze && j.Still, thaw && !j.Still:
			w.t.Fatalf("%s stands still: %v, and is to freeze: %v, to thaw: %v", j.ID, j.Still, freeze, thaw)
		case freeze:
			w.since[j.ID] = w.now
			w.changes++
			j.Still = true
		case thaw:
			took := w.now.Sub(w.since[j.ID])
			if w.quiet && took < 100*ms {
				w.t.Fatalf("%s was frozen for %s", j.ID, took)
			}
			w.stillFor[j.ID] += took
			w.changes++
			j.Still = false
		}
	}
	for _, a := range w.jobs {
		if a.Still && a.Preemption == slipway.PreemptNever {
			w.t.Fatalf("%s may not be preempted and stands still", a.ID)
		}
		w.keepsEnough(a)
		for _, b := range w.jobs {
			if a.Still && !b.Still && b.Preemption != slipway.PreemptNever && b.MinCPU == 0 && b.Priority < a.Priority {
				w.t.Fatalf("%s of priority %d runs while %s of priority %d stands still", b.ID, b.Priority, a.ID, a.Priority)
			}
		}
	}
}

// keepsEnough: if a stands still, what its environment keeps is used by others, or a does
// not fit into the rest.
func (w *world) keepsEnough(a yield.Job) {
	used := 0.0
	for _, b := range w.jobs {
		if b.Environment == a.Environment && !b.Still && b.Preemption != slipway.PreemptNever {
			used += b.CPU
		}
	}
	if a.Still && used+a.CPU <= a.MinCPU {
		w.t.Fatalf("%s of %g vCPUs stands still, and its environment keeps %g of which %g are used", a.ID, a.CPU, a.MinCPU, used)
	}
}

// pass lets time pass, and looks when the rule wants it.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	until := w.now.Add(d)
	for !w.next.IsZero() && !w.next.After(until) {
		if !w.next.After(w.now) {
			w.t.Fatal("the next look is now")
		}
		w.now = w.next
		w.look()
	}
	w.now = until
}

func (w *world) still() (ids []string) {
	for _, j := range w.jobs {
		if j.Still {
			ids = append(ids, j.ID)
		}
	}
	return ids
}

func (w *world) expect(when string, still ...string) {
	w.t.Helper()
	if got := w.still(); !slices.Equal(got, still) {
		w.t.Fatalf("%s: %v stand still, want %v", when, got, still)
	}
}

func TestWhoStandsStill(t *testing.T) {
	type job struct {
		cpu      float64
		priority int
		p        slipway.Preemption
	}
	const freeze, never = slipway.PreemptFreeze, slipway.PreemptNever
	for _, c := range []struct {
		name   string
		wanted float64
		jobs   []job
		still  []string
	}{
		{"nobody while there is room", 2, []job{{1, 0, freeze}, {1, 0, freeze}}, nil},
		{"the latest", 3, []job{{1, 0, freeze}, {1, 0, freeze}}, []string{"job2"}},
		{"the lowest priority", 3, []job{{1, 0, freeze}, {1, 5, freeze}}, []string{"job1"}},
		{"those that are put back, too", 4, []job{{1, 0, slipway.PreemptRequeue}, {1, 0, freeze}}, []string{"job1", "job2"}},
		{"not who has half of what it may use", 2.5, []job{{1, 0, freeze}, {1, 0, freeze}}, nil},
		{"who has less", 2.6, []job{{1, 0, freeze}, {1, 0, freeze}}, []string{"job2"}},
		{"nobody of a lower priority goes before one that does not fit", 3, []job{{4, 9, freeze}, {0.5, 0, freeze}}, []string{"job1", "job2"}},
		{"never who may not", 4, []job{{1, 0, never}, {1, 9, freeze}}, []string{"job2"}},
		{"who may not takes from what is left", 1.5, []job{{2, 0, never}, {1, 0, freeze}, {1, 0, freeze}}, []string{"job3"}},
		{"a job that may use more than there is", 1.9, []job{{64, 0, freeze}}, nil},
		{"not for next to nothing", 0.005, []job{{4, 0, freeze}, {4, 0, freeze}}, nil},
		{"all when functions want everything", 100, []job{{0.1, 9, freeze}, {0.1, 0, freeze}}, []string{"job1", "job2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 4)
			for _, j := range c.jobs {
				w.begin(j.cpu, j.priority, j.p)
			}
			w.want(c.wanted)
			w.pass(time.Second)
			w.expect("after a second", c.still...)
			w.want(0)
			w.pass(1300 * ms)
			w.expect("when functions want nothing any more")
		})
	}
}

// TestKept: jobs that fit into what their environment keeps go on, the first of them by
// their order.
func TestKept(t *testing.T) {
	w := newWorld(t, 4)
	w.keeps = 2
	w.begin(1, 0, slipway.PreemptFreeze)
	w.begin(2, 5, slipway.PreemptFreeze)
	w.begin(1, 1, slipway.PreemptRequeue)
	w.begin(1, 7, slipway.PreemptFreeze)
	w.keeps = 0.5
	w.begin(1, 9, slipway.PreemptFreeze)
	w.want(9)
	w.pass(time.Second)
	w.expect("functions want everything", "job1", "job2", "job5")
}

// TestHowFast: a long burst stops jobs within the time of a few events, a short event does
// not, and jobs go on after as long a quiet as they stood still for.
func TestHowFast(t *testing.T) {
	w := newWorld(t, 2)
	w.begin(1, 0, slipway.PreemptFreeze)
	w.begin(1, 0, slipway.PreemptFreeze)
	for range 20 {
		w.want(1)
		w.pass(5 * ms)
		w.want(0)
		w.pass(95 * ms)
		w.expect("an event of 5 ms")
	}
	w.want(2)
	w.pass(40 * ms)
	w.expect("a burst of 40 ms", "job1", "job2")
	w.pass(360 * ms)
	w.want(0)
	w.pass(300 * ms)
	w.expect("300 ms after a burst of 400 ms", "job1", "job2")
	w.pass(600 * ms)
	w.expect("900 ms after it")
	w.want(2)
	w.pass(time.Minute)
	w.want(0)
	w.pass(900 * ms)
	w.expect("900 ms after a minute", "job1", "job2")
	w.pass(400 * ms)
	w.expect("1300 ms after it")
}

// TestEventsThatWait: instances that are at work and use no processor stop nobody for long.
func TestEventsThatWait(t *testing.T) {
	w := newWorld(t, 2)
	w.begin(1, 0, slipway.PreemptFreeze)
	w.want(8)
	w.pass(time.Second)
	w.expect("they have just begun", "job1")
	for range 30 {
		w.pass(time.Second)
		w.rule.Used(w.now, 0.2)
		w.look()
	}
	w.expect("they use a fifth of a vCPU")
	w.rule.Used(w.now.Add(time.Second), 1.9)
	w.pass(1100 * ms)
	w.look()
	w.expect("they use all of it", "job1")
}

// TestUsedIsForgotten: of those that are at work for the first time in a while what they
// are configured for is believed.
func TestUsedIsForgotten(t *testing.T) {
	w := newWorld(t, 2)
	w.begin(1, 0, slipway.PreemptFreeze)
	w.want(2)
	for range 30 {
		w.pass(time.Second)
		w.rule.Used(w.now, 0)
		w.look()
	}
	w.expect("they use nothing")
	w.want(0)
	for range 90 {
		w.pass(time.Second)
		w.rule.Used(w.now, 0)
	}
	w.want(2)
	w.pass(100 * ms)
	w.expect("a burst after a minute and a half", "job1")
}

// TestBounded: whatever the rhythm of bursts, a job stands still for at most twice as long
// as its processor was wanted, and a little for each burst.
func TestBounded(t *testing.T) {
	for _, c := range []struct{ busy, idle time.Duration }{
		{5 * ms, 5 * ms}, {10 * ms, 90 * ms}, {50 * ms, 50 * ms}, {50 * ms, time.Second}, {200 * ms, 300 * ms}, {time.Second, time.Second}, {3 * time.Second, 10 * time.Second},
	} {
		t.Run(fmt.Sprint(c.busy, " of ", c.busy+c.idle), func(t *testing.T) {
			w := newWorld(t, 1)
			w.quiet = true
			id := w.begin(1, 0, slipway.PreemptFreeze)
			var busy time.Duration
			var bursts int
			for ; busy < 20*time.Second; bursts++ {
				w.want(1)
				w.pass(c.busy)
				w.want(0)
				w.pass(c.idle)
				busy += c.busy
			}
			w.pass(1200 * ms)
			w.expect("in the end")
			most := 2*busy + time.Duration(bursts)*200*ms
			if took := w.stillFor[id]; took > most {
				t.Errorf("it stood still for %s of %s, its processor was wanted for %s", took, busy+time.Duration(bursts)*c.idle, busy)
			}
			if total := busy + time.Duration(bursts)*c.idle; w.changes > int(total/(50*ms))+2 {
				t.Errorf("%d changes in %s", w.changes, total)
			}
		})
	}
}

// TestRandomWalk does whatever can happen, in any order, and holds the invariants.
func TestRandomWalk(t *testing.T) {
	for seed := range uint64(20) {
		dice := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t, float64(1+dice.IntN(16)))
		kinds := []slipway.Preemption{slipway.PreemptFreeze, slipway.PreemptRequeue, slipway.PreemptNever}
		for range 3000 {
			switch n := dice.IntN(10); {
			case n < 3 && len(w.jobs) < 12:
				w.keeps = float64(dice.IntN(3))
				w.begin(0.05+dice.Float64()*4, dice.IntN(4)-1, kinds[dice.IntN(3)])
			case n < 5 && len(w.jobs) > 0:
				i := dice.IntN(len(w.jobs))
				w.jobs = slices.Delete(w.jobs, i, i+1)
				w.look()
			case n < 8:
				w.want(dice.Float64() * 20 * float64(dice.IntN(2)))
			case n == 8:
				w.rule.Used(w.now, dice.Float64())
			}
			w.pass(time.Duration(dice.IntN(300)) * ms)
		}
		w.want(0)
		w.pass(1300 * ms)
		w.expect("when functions want nothing any more")
		if w.pass(time.Second); len(w.jobs) > 0 && !w.next.IsZero() {
			t.Errorf("it wants to be asked again though nothing moves")
		}
	}
}

// TestSteady: under a steady demand nothing changes, however long it lasts.
func TestSteady(t *testing.T) {
	w := newWorld(t, 4)
	for range 4 {
		w.begin(1, 0, slipway.PreemptFreeze)
	}
	w.want(2)
	w.pass(200 * ms)
	w.expect("after 200 ms", "job3", "job4")
	before := w.changes
	w.pass(time.Hour)
	if w.changes != before {
		t.Errorf("%d changes in an hour", w.changes-before)
	}
}
