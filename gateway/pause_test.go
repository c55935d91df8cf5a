package gateway_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/sdk"
)

func TestPause(t *testing.T) {
	w := newWorld(t)
	i := w.newInvoker("a")
	lists := i.wishes()
	v := w.publish("hello", func(c *slipway.Config) { c.Scaling.Min = 1 })
	awaitWish(t, lists, 1, 1)
	ctx := t.Context()

	f, err := w.api.Pause(ctx, "hello")
	must(t, err)
	if !f.Paused || f.Live != 1 || f.URL == "" {
		t.Errorf("paused: %+v", f)
	}
	awaitWish(t, lists, 0, 0)
	resp, body := w.event("GET", "/fn/hello/", "")
	check(t, resp, body, http.StatusServiceUnavailable, `"code":"unavailable"`)
	if !strings.Contains(body, "is paused; 'slipway resume hello'") || resp.Header.Get("Retry-After") != "30" {
		t.Errorf("Retry-After %q, %s", resp.Header.Get("Retry-After"), body)
	}
	for _, qualifier := range []string{"", "1", "live"} {
		if _, err := w.api.Invoke(ctx, "hello", nil, sdk.Invocation{Qualifier: qualifier}); !errors.Is(err, slipway.ErrUnavailable) {
			t.Errorf("invoking %q: %v", qualifier, err)
		}
	}
	var spec slipway.Spec
	if must(t, w.bus.Ask(ctx, bus.SpecSubject, v.Ref(), &spec)); !spec.Paused {
		t.Errorf("invokers are told %+v", spec)
	}

	t.Run("twice", func(t *testing.T) {
		again, err := w.api.Pause(ctx, "hello")
		must(t, err)
		if !again.Paused || !again.UpdatedAt.Equal(f.UpdatedAt) {
			t.Errorf("%+v after %+v", again, f)
		}
	})
	t.Run("a change of the configuration leaves it paused", func(t *testing.T) {
		f, err := w.api.PutFunction(ctx, "hello", json.RawMessage(`{"scaling":{"max":3}}`))
		must(t, err)
		if !f.Paused {
			t.Error("it is not paused any more")
		}
	})
	t.Run("a deploy publishes and starts nothing", func(t *testing.T) {
		var said string
		v, err := w.api.DeploySource(ctx, "hello", strings.NewReader("new source"), sdk.Deploy{
			OnEvent: func(e slipway.BuildEvent) { said += e.Text },
		})
		must(t, err)
		if f, err := w.api.Function(ctx, "hello"); err != nil || !f.Paused || f.Live != v.Number || v.Number != 2 {
			t.Errorf("%+v, %v", f, err)
		}
		if !strings.Contains(said, "the function is paused") {
			t.Errorf("the build said %q", said)
		}
		if n := i.seen(); n != 0 {
			t.Errorf("%d events reached an invoker", n)
		}
	})
	t.Run("resume", func(t *testing.T) {
		f, err := w.api.Resume(ctx, "hello")
		must(t, err)
		if f.Paused {
			t.Errorf("resumed: %+v", f)
		}
		awaitWish(t, lists, 2, 1)
		resp, body := w.event("POST", "/fn/hello/", "here again")
		check(t, resp, body, 200, "here again")
	})
	t.Run("what does not exist", func(t *testing.T) {
		if _, err := w.api.Pause(ctx, "nobody"); !errors.Is(err, slipway.ErrNotFound) {
			t.Errorf("%v", err)
		}
	})
}
