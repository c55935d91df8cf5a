package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/sdk"
)

// another is a second gateway over the same store and bus.
func (w *world) another(id string) *world {
	w.t.Helper()
	second := *w
	second.cfg.ID, second.cfg.SpoolDir = id, w.t.TempDir()
	second.start(slog.New(slog.DiscardHandler))
	second.api = sdk.New(second.url, w.key)
	return &second
}

// awaitLive waits until live is as wanted.
func (w *world) awaitLive(what string, wanted func(slipway.Alias) bool) slipway.Alias {
	w.t.Helper()
	var a slipway.Alias
	testenv.Eventually(w.t, patience, func() (err error) {
		if a, err = w.api.Alias(w.t.Context(), "hello", slipway.LiveAlias); err == nil && !wanted(a) {
			err = fmt.Errorf("live is %+v, want %s", a, what)
		}
		return err
	})
	return a
}

// startCanary publishes two versions and gives all events of the first step to the second.
func (w *world) startCanary(steps ...float64) {
	w.t.Helper()
	w.publish("hello", nil)
	w.publish("hello", nil)
	plan := slipway.DefaultCanary()
	plan.Steps, plan.Interval = steps, slipway.Duration(time.Second)
	a, err := w.api.PutAlias(w.t.Context(), "hello", slipway.LiveAlias, sdk.AliasTarget{Version: 1, Weights: map[int]float64{2: 0}, Canary: &plan})
	must(w.t, err)
	if a.Version != 1 || a.Weights[2] != steps[0] || a.Canary == nil || a.Progress == nil {
		w.t.Fatalf("the alias is %+v", a)
	}
}

func TestCanaryGoesForward(t *testing.T) {
	w := newWorld(t)
	w.newInvoker("a")
	second := w.another("gw2")
	w.startCanary(0.5, 1)
	w.awaitLive("in its second step", func(a slipway.Alias) bool {
		for range 20 {
			w.event("GET", "/fn/hello/", "")
		}
		return a.Canary != nil && a.Canary.Step == 1 && a.Weights[2] == 1
	})
	// Neither of the two has seen the 50 events that a step needs.
	for range 30 {
		w.event("GET", "/fn/hello/", "")
		second.event("GET", "/fn/hello/", "")
	}
	a := w.awaitLive("version 2 alone", func(a slipway.Alias) bool { return a.Version == 2 && a.Canary == nil && a.Weights == nil })
	if a.Previous != 1 || a.MovedBy != slipway.MovedByCanary {
		t.Errorf("live is %+v", a)
	}
}

func TestCanaryShowsHowItGoes(t *testing.T) {
	w := newWorld(t)
	w.newInvoker("a").handle(func(context.Context, *slipway.Request) (*slipway.Response, error) { return answer(200, "ok"), nil })
	w.startCanary(1)
	for range 7 {
		w.event("GET", "/fn/hello/", "")
	}
	a := w.awaitLive("counted", func(a slipway.Alias) bool { return a.Progress != nil && a.Progress.Canary.Events > 0 })
	if p := a.Progress; p.Canary.Version != 2 || p.Current.Version != 1 || p.Current.Events != 0 || !strings.Contains(p.Waits, "of 50 events") || p.Canary.P95 == 0 {
		t.Errorf("%+v", p)
	}
}

func TestCanaryGoesBack(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		fail         func() *slipway.Response
	}{
		{"answers with a bad status", "error rate 100% against 0%", func() *slipway.Response { return answer(503, "no") }},
		{"function errors", "last error: Unhandled: oh; it printed: the end", func() *slipway.Response {
			return &slipway.Response{FunctionError: &slipway.FunctionError{Type: "Unhandled", Message: "oh"}, LogTail: "the end\n", Instance: "i"}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			i := w.newInvoker("a")
			i.handle(func(_ context.Context, r *slipway.Request) (*slipway.Response, error) {
				if r.Version.Version == 2 {
					return tt.fail(), nil
				}
				return answer(200, "ok"), nil
			})
			w.startCanary(0.5, 1)
			w.awaitLive("version 1 alone", func(a slipway.Alias) bool {
				w.event("GET", "/fn/hello/", "")
				return a.Version == 1 && a.Canary == nil && a.Weights == nil
			})
			v, err := w.api.Version(t.Context(), "hello", 2)
			must(t, err)
			if v.State != slipway.VersionReady || !strings.HasPrefix(v.Reason, "canary aborted: ") || !strings.Contains(v.Reason, tt.reason) {
				t.Errorf("version 2 is %s: %s", v.State, v.Reason)
			}
		})
	}
}

// A person who rolls back ends the canary first.
func TestRollbackEndsTheCanary(t *testing.T) {
	w := newWorld(t)
	w.newInvoker("a")
	w.startCanary(0.5)
	v, err := w.api.Rollback(t.Context(), "hello", 0)
	must(t, err)
	a, err := w.api.Alias(t.Context(), "hello", slipway.LiveAlias)
	must(t, err)
	if v.Number != 1 || a.Version != 1 || a.Weights != nil || a.Canary != nil {
		t.Errorf("version %d, live %+v", v.Number, a)
	}
	if _, err := w.api.Rollback(t.Context(), "hello", 0); !errors.Is(err, slipway.ErrConflict) {
		t.Errorf("going back from the first: %v", err)
	}
}

func TestCanaryRefuses(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	w.publish("hello", nil)
	for body, part := range map[string]string{
		`{"version":1,"weights":{"2":0.3},"canary":{}}`:                     "not the canary's first step, which is 0.1",
		`{"version":1,"canary":{}}`:                                         "second version",
		`{"version":1,"weights":{"2":0},"canary":{"steps":[]}}`:             "canary.steps",
		`{"version":1,"weights":{"2":0},"canary":{"steps":[0.5,0.1]}}`:      "each greater than the one before",
		`{"version":1,"weights":{"2":0},"canary":{"interval":"1ms"}}`:       "canary.interval",
		`{"version":1,"weights":{"2":0},"canary":{"max_latency_ratio":0}}`:  "canary.max_latency_ratio: 0",
		`{"version":1,"weights":{"2":0},"canary":{"max_error_rate":2}}`:     "canary.max_error_rate",
		`{"version":1,"weights":{"2":0},"canary":{"min_events":0}}`:         "canary.min_events",
		`{"version":1,"weights":{"2":0},"canary":{"max_eror_rate":0.1}}`:    "max_eror_rate",
		`{"version":1,"weights":{"2":0,"3":0},"canary":{"steps":[0.1, 1]}}`: "at most one other",
	} {
		resp, answer := w.call("PUT", "/v1/functions/hello/aliases/live", body)
		check(t, resp, answer, http.StatusBadRequest, part)
	}
}

// failing is what an invoker says of a version that does not start.
func failing(version, failures, instances int) func(*slipway.InvokerState) {
	return func(s *slipway.InvokerState) {
		s.Versions = []slipway.VersionCount{{
			VersionRef: slipway.VersionRef{Tenant: slipway.DefaultTenant, Function: "hello", Version: version},
			Instances:  instances, Failures: failures, Failure: "nothing listens on port 8080; the process printed: no database",
		}}
	}
}

// awaitKnown waits until the gateway knows that so many starts have failed there.
func (i *fakeInvoker) awaitKnown(failures int) {
	i.w.t.Helper()
	testenv.Eventually(i.w.t, patience, func() error {
		return i.knownAs(func(s slipway.InvokerState) bool { return len(s.Versions) == 1 && s.Versions[0].Failures == failures })
	})
}

func TestVersionThatDoesNotStartGoesBack(t *testing.T) {
	w := newWorld(t)
	a, b := w.newInvoker("a"), w.newInvoker("b")
	w.publish("hello", nil)
	w.publish("hello", nil)
	b.publish(failing(2, 0, 1)) // it runs there: the machine of the other one is to blame
	a.publish(failing(2, 9, 0))
	a.awaitKnown(9)
	w.awaitLive("version 2 still", func(l slipway.Alias) bool { return l.Version == 2 })

	b.publish(failing(2, 0, 0))
	l := w.awaitLive("version 1", func(l slipway.Alias) bool { return l.Version == 1 })
	if l.MovedBy != slipway.MovedByAutoRollback || l.Previous != 2 {
		t.Errorf("live is %+v", l)
	}
	v, err := w.api.Version(t.Context(), "hello", 2)
	must(t, err)
	if v.Reason != "live went back to version 1: 9 starts in a row went wrong: nothing listens on port 8080; the process printed: no database" {
		t.Errorf("the reason is %q", v.Reason)
	}

	// What a person put live stays there.
	_, err = w.api.Rollback(t.Context(), "hello", 2)
	must(t, err)
	a.publish(failing(2, 99, 0))
	a.awaitKnown(99)
	w.publish("hello", nil) // the look that goes with this has seen it
	if l := w.awaitLive("version 3", func(l slipway.Alias) bool { return l.Version == 3 }); l.Previous != 2 {
		t.Errorf("live is %+v", l)
	}
}

// TestTheVersionBeforeStandsBy: one that is there stays, and none is started for it.
func TestTheVersionBeforeStandsBy(t *testing.T) {
	w := newWorld(t)
	a := w.newInvoker("a")
	lists := a.wishes()
	w.publish("hello", nil)
	a.publish(failing(1, 0, 3))
	w.publish("hello", nil)
	for list := range lists {
		if len(list.Wishes) == 1 {
			if wish := list.Wishes[0]; wish.Version != 1 || wish.Instances != 1 || wish.Limit != 0 || !wish.Standby {
				t.Errorf("the wish is %+v", wish)
			}
			break
		}
	}
	a.publish(func(s *slipway.InvokerState) { s.Versions = nil })
	awaitWish(t, lists, 0, 0)
}

// TestSplitKeepsBoth: of a split both versions have their part of what is kept.
func TestSplitKeepsBoth(t *testing.T) {
	w := newWorld(t)
	a := w.newInvoker("a")
	lists := a.wishes()
	w.publish("hello", func(c *slipway.Config) { c.Scaling.Min = 4 })
	w.publish("hello", nil)
	_, err := w.api.PutAlias(t.Context(), "hello", slipway.LiveAlias, sdk.AliasTarget{Version: 1, Weights: map[int]float64{2: 0.25}})
	must(t, err)
	for list := range lists {
		kept := map[int]int{}
		for _, wish := range list.Wishes {
			kept[wish.Version] = wish.Instances
		}
		if kept[1] == 3 && kept[2] == 1 {
			break
		}
	}

	plan := slipway.DefaultCanary() // the first must be able to take all back at once
	plan.Steps = []float64{0.5}
	_, err = w.api.PutAlias(t.Context(), "hello", slipway.LiveAlias, sdk.AliasTarget{Version: 1, Weights: map[int]float64{2: 0}, Canary: &plan})
	must(t, err)
	for list := range lists {
		kept := map[int]int{}
		for _, wish := range list.Wishes {
			kept[wish.Version] = wish.Instances
		}
		if kept[1] == 4 && kept[2] == 2 {
			break
		}
	}
}
