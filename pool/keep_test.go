package pool_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool"
)

// kept wishes for n instances of s, as many as its scaling allows.
func kept(s slipway.Spec, n int) []slipway.Kept {
	return []slipway.Kept{{Spec: s, Instances: n, Limit: s.Config.Scaling.Max}}
}

func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		p := start(t, f, pool.Config{})
		s := spec("a", maxInstances(4))
		p.Keep(kept(s, 2))
		time.Sleep(f.delay)
		synctest.Wait()
		if c := p.Counts(); len(c) != 1 || c[0].Instances != 2 || c[0].Free != 2 {
			t.Fatalf("Counts: %+v; want two that are ready before anybody asked", c)
		}
		if l := acquire(t, p, s); l.Start != 0 {
			t.Errorf("the first event waited %v for a start", l.Start)
		} else {
			l.Release(true)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := f.running(); n != 2 || f.started() != 2 {
			t.Errorf("%d instances of %d starts a day later, want the same two", n, f.started())
		}
	})
}

// keeping is a pool that has n instances ready.
func keeping(t *testing.T, n int) (*fake, *pool.Pool, slipway.Spec) {
	t.Helper()
	f := newFake()
	p := start(t, f, pool.Config{})
	s := spec("a", maxInstances(4))
	p.Keep(kept(s, n))
	time.Sleep(f.delay)
	synctest.Wait()
	return f, p, s
}

func TestKeepReplacesWhatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, _ := keeping(t, 2)
		f.all[0].end()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := f.running(); n != 2 || f.started() != 3 {
			t.Errorf("%d instances of %d starts, want 2 of 3", n, f.started())
		}
	})
}

func TestKeepMoreAndFewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, p, s := keeping(t, 2)
		p.Keep(kept(s, 4))
		time.Sleep(f.delay)
		synctest.Wait()
		if n := f.running(); n != 4 {
			t.Errorf("%d instances, want 4", n)
		}
		p.Keep(kept(s, 1))
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := f.running(); n != 1 {
			t.Errorf("%d instances an hour after fewer are wanted, want 1", n)
		}
	})
}

func TestKeepWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, p, s := keeping(t, 0)
		p.Keep([]slipway.Kept{{Spec: s, Instances: 4, Limit: 0}})
		time.Sleep(time.Second)
		if n := f.started(); n != 0 {
			t.Errorf("%d starts, and none is allowed here", n)
		}
		p.Keep([]slipway.Kept{{Spec: s, Instances: 4, Limit: 3}})
		time.Sleep(time.Second)
		synctest.Wait()
		if n := f.running(); n != 3 {
			t.Errorf("%d instances, want the 3 of the limit", n)
		}
		s.Config.Scaling.Max = 2
		p.Keep(kept(s, 4))
		f.all[0].end()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := f.running(); n != 2 {
			t.Errorf("%d instances, want the 2 of scaling.max", n)
		}
	})
}

func TestRetiredIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, p, _ := keeping(t, 2)
		p.Retire(slipway.FunctionRef{Tenant: "default", Function: "a"}, func(slipway.VersionRef) bool { return false })
		time.Sleep(time.Second)
		synctest.Wait()
		if n := f.running(); n != 0 {
			t.Errorf("%d instances are left", n)
		}
	})
}

func TestKeepReplacesTheOnlyInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.grace = time.Second
		p := start(t, f, pool.Config{})
		s := spec("a", maxInstances(1))
		p.Keep(kept(s, 1))
		l := acquire(t, p, s)
		l.Release(false) // it is not to be used again
		time.Sleep(f.grace + f.delay)
		synctest.Wait()
		if c := p.Counts(); len(c) != 1 || c[0].Free != 1 || f.peak[s.VersionRef] != 1 {
			t.Errorf("Counts: %+v, %d at once; want another one, after the first", c, f.peak[s.VersionRef])
		}
	})
}

func TestKeepHoldsBackWhatKeepsFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.fail = func(int) error { return errBroken }
		p := start(t, f, pool.Config{})
		p.Keep(kept(spec("a"), 2))
		time.Sleep(time.Minute)
		if n := f.started(); n < 5 || n > 30 {
			t.Errorf("%d starts within a minute, want a few", n)
		}
		f.mu.Lock()
		f.fail = nil
		f.mu.Unlock()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if n := f.running(); n != 2 {
			t.Errorf("%d instances after it was mended, want 2", n)
		}
	})
}

func TestKeepWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		f := newFake()
		p := pool.New(pool.Config{MemoryMB: 1024}, f, slog.New(slog.NewTextHandler(&said, nil)))
		go p.Run(t.Context())
		big := func(c *slipway.Config) { c.MemoryMB = 512 }
		idle := acquire(t, p, spec("idle", big))
		idle.Release(true)
		p.Keep(kept(spec("a", big), 3))
		time.Sleep(time.Second)
		synctest.Wait()
		select {
		case <-idle.Instance.Done():
		default:
			t.Error("what was merely idle did not make room")
		}
		if n := f.running(); n != 2 || f.most > 1024 {
			t.Errorf("%d instances in %d MiB, want 2 in 1024", n, f.most)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := said.String(); strings.Count(got, "fewer instances are kept") != 1 || !strings.Contains(got, "missing=1") ||
			!strings.Contains(got, "needs 512 MiB, 0 are free") || !strings.Contains(got, "function=a") {
			t.Errorf("the log says %q, want the shortage, once and with numbers", got)
		}
		if err := p.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestUnfitInstanceIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, p, s := keeping(t, 1)
		s.Config.Scaling.Concurrency = 2
		a, b := acquire(t, p, s), acquire(t, p, s)
		close(a.Instance.(*instance).unfit)
		synctest.Wait()
		time.Sleep(f.delay)
		synctest.Wait()
		if c := p.Counts(); c[0].Instances != 2 || c[0].Free != 2 {
			t.Errorf("Counts: %+v; want another that is ready beside the unfit one", c)
		}
		c := acquire(t, p, s)
		if c.Instance == a.Instance {
			t.Error("the unfit instance was given")
		}
		a.Release(true)
		synctest.Wait()
		select {
		case <-b.Instance.Done():
			t.Error("the unfit instance was closed under an event")
		default:
		}
		b.Release(true)
		<-b.Instance.Done()
		c.Release(true)
		if c := p.Counts(); c[0].Instances != 1 || f.started() != 2 {
			t.Errorf("Counts: %+v after %d starts", c, f.started())
		}
	})
}
