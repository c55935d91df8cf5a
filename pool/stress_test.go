package pool_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool"
)

// TestStress throws everything at a small pool at once: starts that fail, instances
// that die, waiters that go away, one-shot leases, retirement, instances that freeze. What must hold: no
// version is ever above its bound, no slot is given twice, the machine's memory is
// never exceeded, nobody hangs, and nothing is left.
func TestStress(t *testing.T) {
	const callers, rounds, memory = 64, 60, 2048
	f := newFake()
	f.delay, f.grace = 200*time.Microsecond, 100*time.Microsecond
	f.fail = func(n int) error {
		if n%17 == 0 {
			return errBroken
		}
		return nil
	}
	p := start(t, f, pool.Config{MemoryMB: memory, Sweep: 100 * time.Microsecond,
		FreezeAfter: 300 * time.Microsecond, ReclaimAfter: time.Millisecond, Pressure: rand.Float64})
	specs := []slipway.Spec{
		spec("a", maxInstances(2), concurrency(3)),
		spec("b", maxInstances(4)),
		spec("c", maxInstances(3), concurrency(2)),
	}
	bounds := map[slipway.VersionRef]int{}
	for _, s := range specs {
		bounds[s.VersionRef] = s.Config.Scaling.Max
	}
	var served, refused atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range rounds {
				if useOne(t, p, specs[rand.IntN(len(specs))]) {
					served.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d served, %d refused, %d starts", served.Load(), refused.Load(), f.started())
	if served.Load() == 0 {
		t.Error("nobody was served")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for ref, peak := range f.peak {
		if peak > bounds[ref] {
			t.Errorf("%s had %d instances at once, its bound is %d", ref, peak, bounds[ref])
		}
	}
	if f.most > memory {
		t.Errorf("%d MiB were in use, the machine has %d", f.most, memory)
	}
}

// useOne takes a lease, uses it in one of the ways there are, and says whether it got one.
func useOne(t *testing.T, p *pool.Pool, s slipway.Spec) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dice := rand.IntN(20)
	if dice == 0 {
		var give context.CancelFunc
		ctx, give = context.WithTimeout(ctx, time.Duration(rand.IntN(500))*time.Microsecond)
		defer give()
	}
	l, err := p.Acquire(ctx, s, 0)
	if err != nil {
		if dice != 0 && ctx.Err() != nil {
			t.Errorf("hung for a minute: %v", err)
		}
		return false
	}
	i := l.Instance.(*instance)
	i.use(t, s, 1)
	switch dice {
	case 1:
		i.end()
	case 2:
		p.Retire(slipway.FunctionRef{Tenant: s.Tenant, Function: s.Function}, func(slipway.VersionRef) bool { return false })
	}
	i.use(t, s, -1)
	l.Release(dice > 4)
	return true
}

func (i *instance) use(t *testing.T, s slipway.Spec, by int) {
	i.owner.mu.Lock()
	defer i.owner.mu.Unlock()
	if i.frozen {
		t.Errorf("%s of %s is frozen and has an event", i.id, s.Function)
	}
	if i.users += by; i.users > s.Config.Scaling.Concurrency {
		t.Errorf("%s of %s is used %d times at once", i.id, s.Function, i.users)
	}
}
