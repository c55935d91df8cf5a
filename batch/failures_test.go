package batch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// An invoker that dies takes its attempts with it; they run again, elsewhere or on the
// one that comes back, and the number of the attempt shows it.
func TestAnInvokerDies(t *testing.T) {
	for _, again := range []string{"i-1", "i-2"} {
		t.Run(again, func(t *testing.T) {
			w := newWorld(t)
			e, _ := w.engine(quick)
			hang := make(chan struct{})
			defer close(hang)
			first := startRunner(t, w.bus, "i-1", 2, 1024, func(a attempt) outcome {
				if a.Index%2 == 0 {
					return outcome{}
				}
				select {
				case <-hang:
				case <-a.dead:
				}
				return outcome{}
			})
			j := submit(t, e, array(20))
			w.becomes(slipway.ChildID(j.ID, 1), slipway.JobRunning)
			w.ends(slipway.ChildID(j.ID, 0), slipway.JobSucceeded)
			first.kill()
			second := startRunner(t, w.bus, again, 2, 1024, succeed)
			w.ends(j.ID, slipway.JobSucceeded)
			child := w.ends(slipway.ChildID(j.ID, 1), slipway.JobSucceeded)
			if len(child.Attempts) != 2 || !child.Attempts[0].Lost || child.Attempts[1].Attempt != 2 || child.Attempts[1].Invoker != again {
				t.Errorf("child 1 is %+v", child)
			}
			for _, a := range second.seen {
				if a.Index == 0 {
					t.Errorf("child 0 had ended and ran again as %+v", a)
				}
			}
		})
	}
}

func TestAJobThatIsAlwaysLostFails(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	j := submit(t, e)
	for i := range 10 {
		r := startRunner(t, w.bus, "i-1", 1, 1024, func(a attempt) outcome { <-a.dead; return outcome{} })
		testenv.Eventually(t, 20*time.Second, func() error {
			if len(r.order()) == 0 {
				return fmt.Errorf("round %d: it was not given", i)
			}
			return nil
		})
		r.kill()
	}
	startRunner(t, w.bus, "i-1", 1, 1024, succeed)
	j = w.ends(j.ID, slipway.JobFailed)
	if len(j.Attempts) != 10 || !strings.HasPrefix(j.StatusReason, "Host lost: invoker i-1 was started anew") {
		t.Errorf("it ended as %+v", j)
	}
}

// Of two engines one schedules; when it stops, or falls silent, the other goes on with
// what was given and what waits, and nothing runs twice for it.
func TestAnotherSchedulerTakesOver(t *testing.T) {
	w := newWorld(t)
	cfg := quick
	first, stop := w.engine(cfg)
	release := make(chan struct{})
	r := startRunner(t, w.bus, "i-1", 2, 4096, func(a attempt) outcome {
		select {
		case <-release:
		case <-a.dead:
		}
		return outcome{}
	})
	j := submit(t, first, array(50))
	w.becomes(slipway.ChildID(j.ID, 5), slipway.JobRunning)
	cfg.ID = "g-2"
	second, _ := w.engine(cfg)
	if x, err := second.Explain(t.Context(), tenant, slipway.ChildID(j.ID, 5)); err != nil || x.Status != slipway.JobRunning {
		t.Errorf("asked through the other: %+v, %v", x, err)
	}
	stop()
	other := submit(t, second)
	close(release)
	w.ends(j.ID, slipway.JobSucceeded)
	w.ends(other.ID, slipway.JobSucceeded)
	if n := len(r.order()); n != 51 {
		t.Errorf("%d attempts for 51 jobs", n)
	}
	lease, err := w.store.JobLease(t.Context())
	must(t, err)
	if lease.Holder != "g-2" || lease.Epoch < 2 {
		t.Errorf("the lease is %+v", lease)
	}
}

// A scheduler whose lease was taken writes nothing any more.
func TestAScheduleThatLostItsLeaseBeginsAgain(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	startRunner(t, w.bus, "i-1", 2, 4096, succeed)
	for range 3 {
		j := submit(t, e, array(100))
		seen, err := w.store.JobLease(t.Context())
		must(t, err)
		if _, err := w.store.TakeJobLease(t.Context(), "", seen); err != nil && slipway.Code(err) != "conflict" {
			t.Fatal(err)
		}
		w.ends(j.ID, slipway.JobSucceeded)
		child := w.ends(slipway.ChildID(j.ID, 99), slipway.JobSucceeded)
		if len(child.Attempts) != 1 {
			t.Errorf("child 99 is %+v", child)
		}
	}
}
