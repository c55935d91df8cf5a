package gateway

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway"
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
