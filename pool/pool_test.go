package pool_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool"
)

func TestWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{})
		first := acquire(t, p, spec("a"))
		if !first.Cold || first.Start != f.delay || first.Queue != 0 {
			t.Errorf("first lease: cold %v, start %v, queue %v; want cold after %v", first.Cold, first.Start, first.Queue, f.delay)
		}
		first.Release(true)
		first.Release(true) // once is enough
		second := acquire(t, p, spec("a"))
		if second.Cold || second.Instance != first.Instance || second.Start != 0 {
			t.Errorf("second lease: %+v; want the first instance, warm", second)
		}
		second.Release(true)
		if n := f.started(); n != 1 {
			t.Errorf("%d starts, want 1", n)
		}
	})
}

func TestLastUsedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, newFake(), pool.Config{})
		a, b := acquire(t, p, spec("a")), acquire(t, p, spec("a"))
		b.Release(true)
		time.Sleep(time.Second)
		a.Release(true)
		l := acquire(t, p, spec("a"))
		if l.Instance != a.Instance {
			t.Error("the instance used last was not given first")
		}
		l.Release(true)
	})
}

func TestConcurrencySharesAnInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{})
		s := spec("a", concurrency(3), maxInstances(2))
		leases := make(chan slipway.Lease, 6)
		for range 6 {
			go func() { leases <- acquire(t, p, s) }()
		}
		synctest.Wait()
		time.Sleep(f.delay)
		synctest.Wait()
		if len(leases) != 6 || f.started() != 2 {
			t.Fatalf("%d leases of %d instances, want 6 of 2", len(leases), f.started())
		}
		counts := p.Counts()
		if len(counts) != 1 || counts[0].Free != 0 || counts[0].Instances != 2 {
			t.Errorf("Counts: %+v", counts)
		}
		for range 6 {
			(<-leases).Release(true)
		}
		if c := p.Counts(); c[0].Free != 6 {
			t.Errorf("%d slots are free, want 6", c[0].Free)
		}
		s.Config.Scaling.Concurrency = 1 // takes effect with the next event
		acquire(t, p, s).Release(true)
		if c := p.Counts(); c[0].Free != 2 {
			t.Errorf("%d slots are free after the concurrency was lowered, want 2", c[0].Free)
		}
	})
}

func TestWaitersInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, newFake(), pool.Config{})
		s := spec("a", maxInstances(1))
		held := acquire(t, p, s)
		order := make(chan int, 3)
		for i := range 3 {
			go func() {
				l := acquire(t, p, s)
				order <- i
				l.Release(true)
			}()
			synctest.Wait()
		}
		if c := p.Counts(); c[0].Waiting != 3 {
			t.Errorf("%d wait, want 3", c[0].Waiting)
		}
		held.Release(true)
		for i := range 3 {
			if got := <-order; got != i {
				t.Errorf("waiter %d was served as number %d", got, i)
			}
		}
	})
}

func TestLateBinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{})
		held := acquire(t, p, spec("a"))
		f.delay = time.Hour
		got := make(chan slipway.Lease, 1)
		go func() { got <- acquire(t, p, spec("a")) }()
		synctest.Wait()
		held.Release(true) // long before the new instance is up
		l := <-got
		if l.Instance != held.Instance || l.Cold {
			t.Error("the waiter was not given the instance that came free first")
		}
		l.Release(true)
	})
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{MaxWaiting: 2})
		for range 2 {
			l, err := p.Acquire(t.Context(), spec("a"), 2)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Release(true)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		failed := make(chan error, 2)
		for range 2 {
			go func() { _, err := p.Acquire(ctx, spec("a"), 2); failed <- err }()
		}
		synctest.Wait()
		if f.started() != 2 {
			t.Errorf("%d starts, the limit is 2", f.started())
		}
		_, err := p.Acquire(t.Context(), spec("a"), 2)
		if !errors.Is(err, slipway.ErrLimit) || slipway.RetryAfter(err) == 0 {
			t.Errorf("a third waiter got %v, want ErrLimit with a Retry-After", err)
		}
		cancel()
		for range 2 {
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Errorf("a waiter whose context ended got %v", err)
			}
		}
	})
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{})
		s := spec("a", func(c *slipway.Config) { c.Scaling.IdleTimeout = slipway.Duration(time.Minute) })
		a, b := acquire(t, p, s), acquire(t, p, s)
		p.Keep([]slipway.Kept{{Spec: s, Instances: 1, Limit: 10}})
		a.Release(true)
		b.Release(true)
		time.Sleep(time.Minute - time.Second)
		synctest.Wait()
		if n := f.running(); n != 2 {
			t.Errorf("%d instances before the idle timeout, want 2", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := f.running(); n != 1 {
			t.Errorf("%d instances after it, want the 1 that is kept", n)
		}
		p.Keep(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if c := p.Counts(); len(c) != 0 {
			t.Errorf("Counts: %+v; want nothing once nothing is to be kept", c)
		}
	})
}

func TestRoom(t *testing.T) {
	big := func(c *slipway.Config) { c.MemoryMB = 512 }
	t.Run("the oldest idle instance makes room", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.grace = 100 * time.Millisecond
			p := start(t, f, pool.Config{MemoryMB: 1024})
			old := acquire(t, p, spec("old", big))
			old.Release(true)
			time.Sleep(time.Second)
			acquire(t, p, spec("young", big)).Release(true)
			l := acquire(t, p, spec("new", big))
			select {
			case <-old.Instance.Done():
			default:
				t.Error("the oldest idle instance was not stopped")
			}
			if p.FreeMemoryMB() != 0 || f.most > 1024 {
				t.Errorf("free %d, at most %d were in use; want 0 and 1024", p.FreeMemoryMB(), f.most)
			}
			_, err := p.Acquire(t.Context(), spec("other", func(c *slipway.Config) { c.MemoryMB = 1024 }), 0)
			if !errors.Is(err, slipway.ErrUnavailable) || slipway.RetryAfter(err) == 0 || !strings.Contains(err.Error(), "1024 MiB") {
				t.Errorf("without room: %v; want ErrUnavailable with numbers and a Retry-After", err)
			}
			l.Release(true)
		})
	})
	t.Run("what can never fit is refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := start(t, newFake(), pool.Config{MemoryMB: 256})
			if _, err := p.Acquire(t.Context(), spec("a", big), 0); !errors.Is(err, slipway.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("a closed instance's room goes to who waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			p := start(t, f, pool.Config{MemoryMB: 1024})
			mine, other := acquire(t, p, spec("a", big)), acquire(t, p, spec("b", big))
			got := make(chan slipway.Lease, 1)
			go func() { got <- acquire(t, p, spec("a", big)) }()
			synctest.Wait()
			other.Release(false)
			l := <-got
			if l.Instance == mine.Instance || !l.Cold {
				t.Error("the waiter did not get an instance of its own")
			}
			mine.Release(true)
			l.Release(true)
		})
	})
}

func TestStartFails(t *testing.T) {
	t.Run("everybody who waits for nothing else is told", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.fail = func(int) error { return errBroken }
			p := start(t, f, pool.Config{})
			failed := make(chan error, 5)
			for range 5 {
				go func() { _, err := p.Acquire(t.Context(), spec("a", concurrency(2)), 0); failed <- err }()
			}
			for range 5 {
				if err := <-failed; !errors.Is(err, errBroken) {
					t.Errorf("got %v, want the start's error", err)
				}
			}
		})
	})
	t.Run("a crash loop is held back and says why", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.fail = func(int) error { return errBroken }
			p := start(t, f, pool.Config{})
			for range 1000 {
				if _, err := p.Acquire(t.Context(), spec("a"), 0); !errors.Is(err, errBroken) {
					t.Fatalf("got %v, want the start's error each time", err)
				}
				time.Sleep(time.Millisecond)
			}
			if n := f.started(); n > 6 {
				t.Errorf("%d starts within a second, want a few", n)
			}
			f.mu.Lock()
			f.fail = nil
			f.mu.Unlock()
			time.Sleep(10 * time.Second)
			acquire(t, p, spec("a")).Release(true)
		})
	})
	t.Run("who can still be served waits on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			p := start(t, f, pool.Config{})
			held := acquire(t, p, spec("a"))
			f.mu.Lock()
			f.fail = func(int) error { return errBroken }
			f.mu.Unlock()
			got := make(chan slipway.Lease, 1)
			go func() { got <- acquire(t, p, spec("a")) }()
			time.Sleep(time.Second)
			held.Release(true)
			(<-got).Release(true)
		})
	})
}

func TestDeadInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{})
		s := spec("a", maxInstances(1))
		idle := acquire(t, p, s)
		idle.Release(true)
		idle.Instance.(*instance).end()
		busy := acquire(t, p, s) // never the dead one
		if busy.Instance == idle.Instance {
			t.Fatal("a dead instance was given")
		}
		got := make(chan slipway.Lease, 1)
		go func() { got <- acquire(t, p, s) }()
		synctest.Wait()
		busy.Instance.(*instance).end()
		l := <-got // a start for the one who waited
		if !l.Cold {
			t.Error("want a new instance after the old one died")
		}
		busy.Release(false)
		l.Release(true)
	})
}

func TestOneShot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{})
		for range 3 {
			l := acquire(t, p, spec("a"))
			l.Release(false)
			<-l.Instance.Done()
		}
		if f.started() != 3 {
			t.Errorf("%d starts for 3 events, want 3", f.started())
		}
	})
}

func TestUnfitInstanceEndsItsOtherEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, newFake(), pool.Config{})
		s := spec("a", concurrency(3), maxInstances(2))
		a, b := acquire(t, p, s), acquire(t, p, s)
		a.Release(false)
		synctest.Wait()
		select {
		case <-b.Instance.Done():
			t.Error("the instance was closed under another event")
		default:
		}
		c := acquire(t, p, s)
		if c.Instance == b.Instance {
			t.Error("an unfit instance was given")
		}
		if c := p.Counts(); c[0].Free != 2 {
			t.Errorf("%d slots are free, want 2", c[0].Free)
		}
		b.Release(true)
		<-b.Instance.Done()
		c.Release(true)
	})
}

func TestRetire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, newFake(), pool.Config{})
		idle, busy := acquire(t, p, spec("a")), acquire(t, p, spec("a"))
		other := acquire(t, p, spec("b"))
		idle.Release(true)
		p.Retire(slipway.FunctionRef{Tenant: "default", Function: "a"}, func(slipway.VersionRef) bool { return false })
		<-idle.Instance.Done()
		select {
		case <-busy.Instance.Done():
			t.Error("a busy instance was closed")
		default:
		}
		busy.Release(true)
		<-busy.Instance.Done()
		other.Release(true)
		infos := p.Instances(&slipway.FunctionRef{Tenant: "default", Function: "b"})
		if len(infos) != 1 || infos[0].State != slipway.InstanceIdle || infos[0].Served != 1 || infos[0].IdleSince == nil {
			t.Errorf("Instances: %+v", infos)
		}
	})
}

func TestNumberThatNamesSomethingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, newFake(), pool.Config{})
		s := spec("a")
		s.Digest, s.Config.Env = "sha256:1", map[string]string{"A": "1"}
		first := acquire(t, p, s)
		first.Release(true)
		s.Protocol = slipway.ProtocolHTTP // found meanwhile, and no reason to start anew
		if l := acquire(t, p, s); l.Instance != first.Instance {
			t.Error("the instance was not used again")
		} else {
			l.Release(true)
		}
		s.Config.Env = map[string]string{"A": "2"}
		l := acquire(t, p, s)
		if l.Instance == first.Instance {
			t.Error("an instance with another configuration was given")
		}
		<-first.Instance.Done()
		held := acquire(t, p, s)
		old := make(chan slipway.Lease, 2)
		for _, value := range []string{"2", "3"} {
			s.Config.Env = map[string]string{"A": value}
			go func() { old <- acquire(t, p, s) }()
			synctest.Wait() // a start is under way when the next comes
		}
		for range 2 { // who asked last says what the number names
			got := <-old
			if i := got.Instance.(*instance); i.spec.Config.Env["A"] != "3" {
				t.Errorf("an instance with A=%s was given", i.spec.Config.Env["A"])
			}
			got.Release(true)
		}
		l.Release(true)
		held.Release(true)
	})
}

func TestDrain(t *testing.T) {
	t.Run("waits for what runs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			p := start(t, f, pool.Config{})
			busy := acquire(t, p, spec("a"))
			f.delay = time.Hour
			failed := make(chan error, 1)
			go func() { _, err := p.Acquire(t.Context(), spec("a"), 0); failed <- err }()
			synctest.Wait()
			drained := make(chan error, 1)
			go func() { drained <- p.Drain(t.Context()) }()
			if err := <-failed; !errors.Is(err, slipway.ErrUnavailable) {
				t.Errorf("who waited got %v, want ErrUnavailable", err)
			}
			if _, err := p.Acquire(t.Context(), spec("b"), 0); !errors.Is(err, slipway.ErrUnavailable) {
				t.Errorf("who came got %v, want ErrUnavailable", err)
			}
			synctest.Wait()
			if len(drained) != 0 {
				t.Fatal("Drain did not wait for the event that runs")
			}
			busy.Release(true)
			if err := <-drained; err != nil || f.running() != 0 {
				t.Errorf("Drain: %v, %d instances are left", err, f.running())
			}
		})
	})
	t.Run("closes what runs when its time is over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			p := start(t, f, pool.Config{})
			busy := acquire(t, p, spec("a"))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := p.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) || f.running() != 0 {
				t.Errorf("Drain: %v, %d instances are left", err, f.running())
			}
			busy.Release(true)
		})
	})
}

func TestChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, newFake(), pool.Config{FreezeAfter: -1})
		l := acquire(t, p, spec("a"))
		<-p.Changed()
		l.Release(true)
		<-p.Changed()
		time.Sleep(time.Minute) // nothing happens
		synctest.Wait()
		select {
		case <-p.Changed():
			t.Error("a change was signalled when there was none")
		default:
		}
	})
}

// TestUpdate: a change of scaling holds for instances that are idle already.
func TestUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{})
		s := spec("a", func(c *slipway.Config) { c.Scaling.IdleTimeout = slipway.Duration(time.Hour) })
		acquire(t, p, s).Release(true)
		s.Config.Scaling.IdleTimeout = slipway.Duration(time.Second)
		p.Update(s)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := f.running(); n != 0 {
			t.Errorf("%d instances after the new idle timeout, want 0", n)
		}
		s.Version = 9
		p.Update(s) // of a version that has nothing, nothing is kept
		if c := p.Counts(); len(c) != 0 {
			t.Errorf("Counts: %+v", c)
		}
	})
}
