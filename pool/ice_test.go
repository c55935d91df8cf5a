package pool_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool"
)

// TestFrozen: an instance that is idle is frozen, then reclaimed; an event thaws it.
func TestFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{})
		first := acquire(t, p, spec("a"))
		first.Release(true)
		i := first.Instance.(*instance)
		for _, step := range []struct {
			after time.Duration
			state slipway.InstanceState
		}{
			{9 * time.Second, slipway.InstanceIdle},
			{2 * time.Second, slipway.InstanceFrozen},
			{50 * time.Second, slipway.InstanceReclaimed},
		} {
			time.Sleep(step.after)
			synctest.Wait()
			if got := p.Instances(nil)[0].State; got != step.state {
				t.Errorf("it is %s, want %s", got, step.state)
			}
		}
		if c := p.Counts(); c[0].Free != 1 || c[0].Frozen != 1 {
			t.Errorf("Counts: %+v, want one slot that has to be thawed", c)
		}
		second := acquire(t, p, spec("a"))
		if second.Cold || second.Instance != first.Instance || i.isFrozen() {
			t.Errorf("cold %v, the same %v, frozen %v; want the first instance, thawed", second.Cold, second.Instance == first.Instance, i.isFrozen())
		}
		second.Release(true)
	})
}

func TestFreezeIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.chill = time.Second
		p := start(t, f, pool.Config{})
		first := acquire(t, p, spec("a"))
		first.Release(true)
		time.Sleep(10*time.Second + 500*time.Millisecond) // it is being frozen
		began := time.Now()
		second := acquire(t, p, spec("a"))
		if waited := time.Since(began); second.Instance != first.Instance || second.Instance.(*instance).isFrozen() || waited > 2*time.Second {
			t.Errorf("the same %v after %v, want it after the freeze and a thaw", second.Instance == first.Instance, waited)
		}
		second.Release(true)
	})
}

func TestInstanceThatDoesNotThaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{})
		first := acquire(t, p, spec("a"))
		first.Release(true)
		time.Sleep(20 * time.Second)
		first.Instance.(*instance).stuck = errBroken
		second := acquire(t, p, spec("a"))
		if second.Instance == first.Instance || !second.Cold {
			t.Error("want another instance")
		}
		<-first.Instance.Done()
		second.Release(true)
	})
}

func TestFrozenInstancesAreDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.chill = time.Second
		p := start(t, f, pool.Config{})
		acquire(t, p, spec("a")).Release(true)
		time.Sleep(12 * time.Second)
		acquire(t, p, spec("b")).Release(true)
		time.Sleep(10*time.Second + 500*time.Millisecond) // that one is being frozen
	})
}

func TestPressureMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var mu sync.Mutex
		level := 0.0
		p := start(t, f, pool.Config{Pressure: func() float64 { mu.Lock(); defer mu.Unlock(); return level }})
		a, b := acquire(t, p, spec("a")), acquire(t, p, spec("a"))
		a.Release(true)
		time.Sleep(5 * time.Second)
		if n := f.running(); n != 2 {
			t.Errorf("%d instances while nothing is short, want 2", n)
		}
		mu.Lock()
		level = 0.5
		mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := f.running(); n != 1 {
			t.Errorf("%d instances under pressure, want the busy one", n)
		}
		b.Release(true)
	})
}

func TestWaitedTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, newFake(), pool.Config{MaxWait: 3 * time.Second})
		held := acquire(t, p, spec("a", maxInstances(1)))
		began := time.Now()
		_, err := p.Acquire(t.Context(), spec("a", maxInstances(1)), 0)
		if !errors.Is(err, slipway.ErrLimit) || slipway.RetryAfter(err) == 0 || !strings.Contains(err.Error(), `the only instance of function "a" is busy`) {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(began); waited < 3*time.Second || waited > 3100*time.Millisecond {
			t.Errorf("refused after %v, want 3s", waited)
		}
		held.Release(true)
	})
}
