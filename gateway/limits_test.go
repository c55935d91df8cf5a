package gateway

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-run/slipway"
)

func functionNamed(name string) slipway.FunctionRef {
	return slipway.FunctionRef{Tenant: slipway.DefaultTenant, Function: name}
}

// limited is a tenant's limit with what functions have reserved of it.
func limited(most int, reserved map[string]int) *limits {
	l := newLimits()
	relimit(l, most, reserved)
	return l
}

func relimit(l *limits, most int, reserved map[string]int) {
	routes := map[slipway.FunctionRef]*route{}
	for name, n := range reserved {
		spec := &slipway.Spec{}
		spec.Config.Scaling.Reserved = n
		routes[functionNamed(name)] = &route{aliases: map[string]split{slipway.LiveAlias: {main: spec}}}
	}
	l.set([]slipway.Tenant{{Name: slipway.DefaultTenant, MaxConcurrency: most}}, routes)
}

// admitAll lets n events of a function in, and says how many there was room for.
func admitAll(t *testing.T, l *limits, name string, n int) (seats []seat) {
	t.Helper()
	for range n {
		s, err := l.admit(functionNamed(name))
		if err == nil {
			seats = append(seats, s)
			continue
		}
		if !errors.Is(err, slipway.ErrLimit) || slipway.RetryAfter(err) <= 0 || !strings.Contains(err.Error(), "tenant's concurrency") {
			t.Fatalf("refused with %v", err)
		}
	}
	return seats
}

func TestLimits(t *testing.T) {
	t.Run("none", func(t *testing.T) {
		if got := admitAll(t, limited(0, nil), "f", 100); len(got) != 100 {
			t.Errorf("%d of 100 were let in", len(got))
		}
	})
	t.Run("of the tenant", func(t *testing.T) {
		l := limited(3, nil)
		seats := append(admitAll(t, l, "f", 2), admitAll(t, l, "g", 2)...)
		if len(seats) != 3 {
			t.Fatalf("%d were let in, want 3", len(seats))
		}
		seats[0].leave()
		if got := admitAll(t, l, "h", 5); len(got) != 1 {
			t.Errorf("%d were let in after one had left", len(got))
		}
	})
	t.Run("what is reserved", func(t *testing.T) {
		l := limited(10, map[string]int{"f": 4})
		if got := admitAll(t, l, "g", 20); len(got) != 6 {
			t.Errorf("%d of another function were let in, want the 6 that are not reserved", len(got))
		}
		if got := admitAll(t, l, "f", 20); len(got) != 4 {
			t.Errorf("%d were let in, want the 4 that are reserved", len(got))
		}
	})
	t.Run("more than reserved", func(t *testing.T) {
		l := limited(10, map[string]int{"f": 4})
		if got := admitAll(t, l, "f", 20); len(got) != 10 {
			t.Errorf("%d were let in, want all 10", len(got))
		}
	})
	t.Run("changed meanwhile", func(t *testing.T) {
		l := limited(10, map[string]int{"f": 4})
		seats := admitAll(t, l, "f", 10)
		relimit(l, 5, map[string]int{"f": 1})
		if got := admitAll(t, l, "f", 1); len(got) != 0 {
			t.Error("one more was let in over a lower limit")
		}
		for _, s := range seats {
			s.leave()
		}
		if got := append(admitAll(t, l, "f", 20), admitAll(t, l, "g", 20)...); len(got) != 5 {
			t.Errorf("%d were let in, want the new limit of 5", len(got))
		}
	})
	t.Run("elsewhere", func(t *testing.T) {
		l := limited(10, map[string]int{"f": 4})
		l.heard([]slipway.GatewayState{{ID: "other", Load: []slipway.TenantLoad{{Tenant: slipway.DefaultTenant, Open: 5, Reserved: map[string]int{"f": 3}}}}})
		if got := admitAll(t, l, "g", 20); len(got) != 1 {
			t.Errorf("%d were let in, want the one that the other gateway leaves", len(got))
		}
		if got := admitAll(t, l, "f", 20); len(got) != 1 {
			t.Errorf("%d were let in, want the one that the other gateway leaves", len(got))
		}
		l.heard(nil)
		if got := admitAll(t, l, "g", 20); len(got) != 5 {
			t.Errorf("%d were let in after the other gateway went, want 5", len(got))
		}
	})
}

// TestLimitsAtOnce: never more than the limit, and no seat is lost.
func TestLimitsAtOnce(t *testing.T) {
	l := limited(7, map[string]int{"f": 2})
	var group sync.WaitGroup
	for g := range 8 {
		name := []string{"f", "g"}[g%2]
		group.Go(func() {
			for range 2000 {
				s, err := l.admit(functionNamed(name))
				if err != nil {
					continue
				}
				if load := l.load()[0]; load.Open+load.Reserved["f"] > 7 {
					t.Errorf("in flight are %+v", load)
				}
				s.leave()
			}
		})
	}
	group.Wait()
	if load := l.load()[0]; load.Open != 0 || len(load.Reserved) != 0 {
		t.Errorf("after all have left there are %+v", load)
	}
	if got := admitAll(t, l, "f", 20); len(got) != 7 {
		t.Errorf("%d were let in, want 7", len(got))
	}
}

// TestCountingIsFree: what every event does on behalf of limits and releases allocates
// nothing.
func TestCountingIsFree(t *testing.T) {
	l, f := limited(10, map[string]int{"f": 1}), functionNamed("f")
	version := slipway.VersionRef{Tenant: f.Tenant, Function: f.Function, Version: 1}
	var counted tallies
	counted.watch([]trial{{version: version, alias: slipway.LiveAlias}})
	resp := &slipway.Response{Status: 200, Instance: "i"}
	if n := testing.AllocsPerRun(1000, func() {
		s, err := l.admit(f)
		if err != nil {
			t.Fatal(err)
		}
		counted.count(version, resp)
		s.leave()
	}); n != 0 {
		t.Errorf("%v allocations for each event", n)
	}
}

func BenchmarkCounting(b *testing.B) {
	l, f := limited(1000, map[string]int{"f": 1}), functionNamed("f")
	version := slipway.VersionRef{Tenant: f.Tenant, Function: f.Function, Version: 1}
	var counted tallies
	counted.watch([]trial{{version: version, alias: slipway.LiveAlias}})
	b.RunParallel(func(pb *testing.PB) {
		resp := &slipway.Response{Status: 200, Instance: "i"}
		for pb.Next() {
			s, _ := l.admit(f)
			counted.count(version, resp)
			s.leave()
		}
	})
}
