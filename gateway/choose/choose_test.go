package choose_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/choose"
)

var (
	hello = slipway.VersionRef{Tenant: "default", Function: "hello", Version: 1}
	began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// specOf is hello with 128 MiB for each instance, up to limit instances of concurrency 1.
func specOf(limit int) *slipway.Spec {
	s := &slipway.Spec{VersionRef: hello, Config: slipway.DefaultConfig()}
	s.Config.MemoryMB, s.Config.Scaling.Max, s.Config.Scaling.Concurrency = 128, limit, 1
	return s
}

func state(id string, freeMB, instances, free, waiting int) slipway.InvokerState {
	return slipway.InvokerState{ID: id, FreeMemoryMB: freeMB, Versions: []slipway.VersionCount{
		{VersionRef: hello, Instances: instances, Free: free, Waiting: waiting},
	}}
}

func frozen(s slipway.InvokerState, n int) slipway.InvokerState {
	s.Versions[0].Frozen = n
	return s
}

func draining(s slipway.InvokerState) slipway.InvokerState {
	s.Draining = true
	return s
}

func tableOf(states ...slipway.InvokerState) *choose.Table {
	t := choose.New(rand.New(rand.NewPCG(1, 2)))
	for _, s := range states {
		t.Update(s, began)
	}
	return t
}

func TestTake(t *testing.T) {
	states := func(s ...slipway.InvokerState) []slipway.InvokerState { return s }
	tests := []struct {
		name   string
		states []slipway.InvokerState
		max    int
		want   string
		limit  int
	}{
		{"a free slot before more room", states(state("a", 9000, 0, 0, 0), state("b", 100, 2, 1, 0)), 10, "b", 10},
		{"one that is awake before one that is frozen", states(frozen(state("a", 9000, 3, 3, 0), 3), state("b", 100, 3, 1, 0)), 10, "b", 7},
		{"one that is frozen before a start", states(frozen(state("a", 100, 1, 1, 0), 1), state("b", 9000, 0, 0, 0)), 10, "a", 10},
		{"a free slot that is waited for is none", states(state("a", 100, 1, 1, 1), state("b", 9000, 0, 0, 0)), 10, "b", 9},
		{"most room when none is free", states(state("a", 2000, 1, 0, 0), state("b", 4000, 0, 0, 0)), 10, "b", 9},
		{"the shortest queue at the maximum", states(state("a", 9000, 0, 0, 0), state("b", 100, 1, 0, 5), state("c", 100, 1, 0, 1)), 2, "c", 1},
		{"the shortest queue when nothing fits", states(state("a", 100, 0, 0, 0), state("b", 50, 1, 0, 3)), 10, "b", 10},
		{"nobody has it and nothing fits: the invoker says so", states(state("a", 100, 0, 0, 0)), 10, "a", 10},
		{"one that drains is left out", states(draining(state("a", 9000, 1, 1, 0)), state("b", 10, 0, 0, 0)), 10, "b", 9},
		{"at least one for the chosen", states(state("a", 9000, 3, 0, 9), state("b", 9000, 2, 1, 0)), 3, "b", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, ok := tableOf(tt.states...).Take(specOf(tt.max), "", began)
			if !ok || c.Invoker != tt.want || c.Limit != tt.limit {
				t.Errorf("chose %q with at most %d instances; want %s with %d", c.Invoker, c.Limit, tt.want, tt.limit)
			}
		})
	}
	t.Run("nobody is there", func(t *testing.T) {
		if c, ok := tableOf().Take(specOf(1), "", began); ok {
			t.Errorf("chose %q", c.Invoker)
		}
	})
	t.Run("the only one is left out", func(t *testing.T) {
		if c, ok := tableOf(state("a", 9000, 1, 1, 0)).Take(specOf(1), "a", began); ok {
			t.Errorf("chose %q", c.Invoker)
		}
	})
}

// TestTakeAgrees: gateways that know the same choose the same, so that a function's
// load concentrates whichever gateway it comes through.
func TestTakeAgrees(t *testing.T) {
	a := tableOf(state("a", 1000, 4, 4, 0), state("b", 1000, 4, 2, 0), state("c", 1000, 4, 1, 0))
	b := tableOf(state("c", 1000, 4, 1, 0), state("b", 1000, 4, 2, 0), state("a", 1000, 4, 4, 0))
	for i := range 7 {
		x, _ := a.Take(specOf(100), "", began)
		y, _ := b.Take(specOf(100), "", began)
		if x.Invoker != y.Invoker {
			t.Fatalf("event %d: one gateway chose %s, another %s", i, x.Invoker, y.Invoker)
		}
	}
}

// TestTakeFollowsItsOwnEvents: what was sent since the last report counts.
func TestTakeFollowsItsOwnEvents(t *testing.T) {
	take := func(table *choose.Table, events, limit int) map[string]int {
		sent := map[string]int{}
		for range events {
			if c, ok := table.Take(specOf(limit), "", began); ok {
				sent[c.Invoker]++
			}
		}
		return sent
	}
	t.Run("over free slots", func(t *testing.T) {
		table := tableOf(state("a", 1000, 4, 4, 0), state("b", 1000, 4, 4, 0))
		if got := take(table, 8, 10); got["a"] != 4 || got["b"] != 4 {
			t.Errorf("sent %v", got)
		}
	})
	t.Run("as few invokers as carry it", func(t *testing.T) {
		table := tableOf(state("a", 1000, 4, 4, 0), state("b", 1000, 4, 4, 0))
		if got := take(table, 4, 10); len(got) != 1 {
			t.Errorf("sent %v", got)
		}
	})
	t.Run("over room", func(t *testing.T) {
		table := tableOf(state("a", 1024, 0, 0, 0), state("b", 1024, 0, 0, 0))
		if got := take(table, 8, 10); got["a"] != 4 || got["b"] != 4 {
			t.Errorf("sent %v", got)
		}
	})
	t.Run("within the maximum of instances", func(t *testing.T) {
		table := tableOf(state("a", 1024, 0, 0, 0), state("b", 1024, 0, 0, 0))
		if got := take(table, 8, 1); len(got) != 1 {
			t.Errorf("a function with one instance at most was started on %v", got)
		}
	})
	t.Run("an event that has ended leaves its slot free", func(t *testing.T) {
		table := tableOf(state("a", 1000, 1, 1, 0), state("b", 2000, 0, 0, 0))
		for range 5 {
			c, _ := table.Take(specOf(10), "", began)
			if c.Invoker != "a" {
				t.Fatalf("chose %s, but the warm slot of a is free", c.Invoker)
			}
			table.Done(c)
		}
	})
	t.Run("until the invoker says it itself", func(t *testing.T) {
		table := tableOf(state("a", 1000, 2, 2, 0), state("b", 2000, 0, 0, 0))
		table.Take(specOf(10), "", began)
		table.Update(state("a", 1000, 2, 1, 0), began)
		if c, _ := table.Take(specOf(10), "", began); c.Invoker != "a" {
			t.Errorf("chose %s: an event counts twice", c.Invoker)
		}
	})
}

// TestTableForgetsTheSilent: an invoker that says nothing is not chosen, and what was
// sent to it may end.
func TestTableForgetsTheSilent(t *testing.T) {
	table := tableOf(state("a", 1000, 1, 1, 0))
	c, _ := table.Take(specOf(10), "", began)
	later := began.Add(choose.StaleAfter + time.Millisecond)
	table.Update(state("b", 10, 0, 0, 0), later)
	table.Done(c)
	if c, _ := table.Take(specOf(10), "", later); c.Invoker != "b" {
		t.Errorf("chose %q", c.Invoker)
	}
	if states := table.States(later); len(states) != 1 {
		t.Errorf("%d invokers are known", len(states))
	}
	if id, _ := table.Roomiest("", later); id != "b" {
		t.Errorf("%q has most room", id)
	}
}

// TestUpdateSaysWhoMoved: the keeper has to know when the invokers are others.
func TestUpdateSaysWhoMoved(t *testing.T) {
	table := tableOf()
	for i, tt := range []struct {
		state slipway.InvokerState
		want  bool
	}{{state("a", 1, 0, 0, 0), true}, {state("a", 2, 0, 0, 0), false}, {draining(state("a", 2, 0, 0, 0)), true}, {draining(state("a", 2, 0, 0, 0)), false}} {
		if got := table.Update(tt.state, began); got != tt.want {
			t.Errorf("state %d: moved %v", i, got)
		}
	}
}

// TestTakeKeepsToHomes: starts of one function keep to a few of many invokers, those of
// many functions spread over all.
func TestTakeKeepsToHomes(t *testing.T) {
	const invokers = 100
	table := tableOf()
	for i := range invokers {
		table.Update(slipway.InvokerState{ID: fmt.Sprint("invoker-", i), FreeMemoryMB: 1 << 20}, began)
	}
	everywhere := map[string]bool{}
	for f := range 1000 {
		spec := specOf(100)
		spec.Function = fmt.Sprint("function-", f)
		homes := map[string]bool{}
		for range 6 {
			c, _ := table.Take(spec, "", began)
			homes[c.Invoker], everywhere[c.Invoker] = true, true
		}
		if len(homes) > 2 {
			t.Fatalf("%s was started on %v", spec.Function, homes)
		}
	}
	if len(everywhere) < invokers*9/10 {
		t.Errorf("a thousand functions were started on %d of %d invokers", len(everywhere), invokers)
	}
}
