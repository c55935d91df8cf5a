package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

type nobody struct{}

func (nobody) Answer(*ledger.Member, bool, error) {}

type lasting struct{}

func (lasting) Done() <-chan struct{} { return nil }

// populated is a ledger with an idle member of each of n functions.
func populated(l *ledger.Ledger, n int, now time.Time) []slipway.Spec {
	specs := make([]slipway.Spec, n)
	for i := range specs {
		specs[i] = spec(fmt.Sprint("f", i))
		l.Keep([]slipway.Kept{{Spec: specs[i], Instances: 1, Limit: 1}}, now)
		obey(l, now)
	}
	l.Keep(nil, now)
	return specs
}

func obey(l *ledger.Ledger, now time.Time) {
	for o := l.Orders(); o.Len() > 0; o = l.Orders() {
		for _, m := range o.Start {
			l.Started(m, lasting{}, now)
		}
		for _, m := range o.Freeze {
			l.Froze(m, nil, now)
		}
		for _, m := range o.Reclaim {
			l.Reclaimed(m, 1<<20, nil, now)
		}
		for _, m := range o.Thaw {
			l.Thawed(m, nil, now)
		}
		for _, m := range o.Close {
			l.Gone(m, now)
		}
	}
}

// BenchmarkWarm is an event that finds an idle member, among 5000 functions, with the
// clock running.
func BenchmarkWarm(b *testing.B) {
	now := time.Unix(1e9, 0)
	l := ledger.New(ledger.Config{StartBurst: 10_000, FreezeAfter: -1})
	specs := populated(l, 5000, now)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m, err := l.Take(&specs[i%len(specs)], 0, now)
		if m == nil || err != nil {
			b.Fatal(m, err)
		}
		l.Release(m, true, now)
		now = now.Add(10 * time.Millisecond)
		l.Sweep(now)
		obey(l, now)
	}
}

// BenchmarkEvict is an event whose member needs the room of an idle one: 2500 have some,
// of 5000.
func BenchmarkEvict(b *testing.B) {
	now := time.Unix(1e9, 0)
	l := ledger.New(ledger.Config{MemoryMB: 2500 * 256, StartBurst: 1 << 30, FreezeAfter: -1})
	specs := make([]slipway.Spec, 5000)
	for i := range specs {
		specs[i] = spec(fmt.Sprint("f", i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s := &specs[i%len(specs)]
		if m, _ := l.Take(s, 0, now); m == nil {
			l.Wait(s.VersionRef, nobody{}, now)
			obey(l, now)
		}
		for _, m := range l.Members(&slipway.FunctionRef{Tenant: s.Tenant, Function: s.Function}) {
			l.Release(m, true, now)
		}
		now = now.Add(10 * time.Millisecond)
		l.Sweep(now)
		obey(l, now)
	}
}
