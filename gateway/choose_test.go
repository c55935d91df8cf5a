package gateway

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/choose"
)

var hello = slipway.VersionRef{Tenant: "default", Function: "hello", Version: 1}

// spec is hello with 128 MiB for each instance, up to limit instances of concurrency 1.
func specOf(limit int) *slipway.Spec {
	s := &slipway.Spec{VersionRef: hello, Config: slipway.DefaultConfig()}
	s.Config.MemoryMB, s.Config.Scaling.Max = 128, limit
	return s
}

func state(id string, freeMB, instances, free, waiting int) slipway.InvokerState {
	return slipway.InvokerState{ID: id, FreeMemoryMB: freeMB, Versions: []slipway.VersionCount{
		{VersionRef: hello, Instances: instances, Free: free, Waiting: waiting},
	}}
}

func known(states ...slipway.InvokerState) *invokers {
	t := newInvokers()
	for _, s := range states {
		t.update(s)
	}
	return t
}

func TestChoose(t *testing.T) {
	draining := state("a", 9000, 1, 1, 0)
	draining.Draining = true
	tests := []struct {
		name   string
		states []slipway.InvokerState
		max    int
		want   string
		limit  int
	}{
		{"a free slot before more room", []slipway.InvokerState{state("a", 9000, 0, 0, 0), state("b", 100, 2, 1, 0)}, 10, "b", 10},
		{"the one with more free slots", []slipway.InvokerState{state("a", 100, 3, 1, 0), state("b", 100, 3, 3, 0)}, 10, "b", 7},
		{"most room when none is free", []slipway.InvokerState{state("a", 2000, 1, 0, 0), state("b", 4000, 0, 0, 0)}, 10, "b", 9},
		{"the shortest queue at the maximum", []slipway.InvokerState{state("a", 9000, 0, 0, 0), state("b", 100, 1, 0, 5), state("c", 100, 1, 0, 1)}, 2, "c", 1},
		{"the shortest queue when nothing fits", []slipway.InvokerState{state("a", 100, 0, 0, 0), state("b", 50, 1, 0, 3)}, 10, "b", 10},
		{"nobody has it and nothing fits: the invoker says so", []slipway.InvokerState{state("a", 100, 0, 0, 0)}, 10, "a", 10},
		{"one that drains is left out", []slipway.InvokerState{draining, state("b", 10, 0, 0, 0)}, 10, "b", 10},
		{"at least one for the chosen", []slipway.InvokerState{state("a", 9000, 3, 0, 9), state("b", 9000, 2, 1, 0)}, 3, "b", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := known(tt.states...).choose(t.Context(), specOf(tt.max), "")
			if err != nil {
				t.Fatal(err)
			}
			if c.Invoker != tt.want || c.Limit != tt.limit {
				t.Errorf("chose %s with at most %d instances; want %s with %d", c.Invoker, c.Limit, tt.want, tt.limit)
			}
		})
	}
}

// TestChooseSpreadsABurst: what was sent since the last report counts, so that events
// that come at once do not all go to the same invoker.
func TestChooseSpreadsABurst(t *testing.T) {
	t.Run("over free slots", func(t *testing.T) {
		table := known(state("a", 1000, 4, 4, 0), state("b", 1000, 4, 4, 0))
		if got := burst(t, table, 8, 10); got["a"] != 4 || got["b"] != 4 {
			t.Errorf("sent %v", got)
		}
	})
	t.Run("over room", func(t *testing.T) {
		table := known(state("a", 1024, 0, 0, 0), state("b", 1024, 0, 0, 0))
		if got := burst(t, table, 8, 10); got["a"] != 4 || got["b"] != 4 {
			t.Errorf("sent %v", got)
		}
	})
	t.Run("within the maximum of instances", func(t *testing.T) {
		table := known(state("a", 1024, 0, 0, 0), state("b", 1024, 0, 0, 0))
		if got := burst(t, table, 8, 1); len(got) != 1 {
			t.Errorf("a function with one instance at most was started on %v", got)
		}
	})
}

func burst(t *testing.T, table *invokers, events, limit int) map[string]int {
	sent := map[string]int{}
	for range events {
		c, err := table.choose(t.Context(), specOf(limit), "")
		if err != nil {
			t.Fatal(err)
		}
		sent[c.Invoker]++
	}
	return sent
}

// TestChooseCountsBack: an event that has ended leaves its slot free before the next
// report.
func TestChooseCountsBack(t *testing.T) {
	table := known(state("a", 1000, 1, 1, 0), state("b", 2000, 0, 0, 0))
	for range 5 {
		c, err := table.choose(t.Context(), specOf(10), "")
		if err != nil {
			t.Fatal(err)
		}
		if c.Invoker != "a" {
			t.Fatalf("chose %s, but the warm slot of a is free", c.Invoker)
		}
		c.done()
	}
}

func TestChooseWithoutInvokers(t *testing.T) {
	t.Run("waits for the first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			table := newInvokers()
			go func() {
				synctest.Wait()
				table.update(state("a", 1000, 0, 0, 0))
			}()
			if c, err := table.choose(t.Context(), specOf(10), ""); err != nil || c.Invoker != "a" {
				t.Errorf("chose %q, %v", c.Invoker, err)
			}
		})
	})
	t.Run("gives up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, err := newInvokers().choose(t.Context(), specOf(10), "")
			if !errors.Is(err, slipway.ErrUnavailable) || slipway.RetryAfter(err) == 0 {
				t.Errorf("%v", err)
			}
		})
	})
	t.Run("does not wait for a second one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			if _, err := known(state("a", 1000, 0, 0, 0)).choose(t.Context(), specOf(10), "a"); !errors.Is(err, slipway.ErrUnavailable) {
				t.Errorf("%v", err)
			}
			if waited := time.Since(began); waited > 0 {
				t.Errorf("waited %v", waited)
			}
		})
	})
	t.Run("ends with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := newInvokers().choose(ctx, specOf(10), ""); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// TestInvokersForgetTheSilent: an invoker that says nothing is not chosen.
func TestInvokersForgetTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := known(state("a", 1000, 0, 0, 0))
		time.Sleep(choose.StaleAfter + time.Millisecond) // the bubble's clock
		table.update(state("b", 10, 0, 0, 0))
		c, err := table.choose(t.Context(), specOf(10), "")
		if err != nil || c.Invoker != "b" {
			t.Errorf("chose %q, %v", c.Invoker, err)
		}
		if states := table.states(); len(states) != 1 {
			t.Errorf("%d invokers are known", len(states))
		}
	})
}
