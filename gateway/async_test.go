package gateway_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// TestInvokeEvent: an asynchronous event takes the same way as a synchronous one, with the
// same limits.
func TestInvokeEvent(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", func(c *slipway.Config) { c.Scaling.Max, c.Scaling.Concurrency = 3, 7 })
	w.newInvoker("a")
	ref := slipway.FunctionRef{Tenant: slipway.DefaultTenant, Function: "hello"}
	event := slipway.Event{ID: "id", Tenant: ref.Tenant, Function: ref.Function, Source: "trigger:t", ContentType: "text/plain",
		Header: slipway.Header{"x-own": {"1"}}, Payload: []byte("payload"), Size: 7}
	invoke := func(e slipway.Event, body io.Reader) (*slipway.Response, int, error) {
		return w.gateway.InvokeEvent(t.Context(), e, 2, body)
	}

	resp, version, err := invoke(event, strings.NewReader("payload"))
	must(t, err)
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	resp.Body.Close()
	for name, want := range map[string]string{"X-Id": "id", "X-Mode": "invoke", "X-Method": "POST", "X-Target": "/", "Got-X-Slipway-Attempt": "2",
		"Got-X-Slipway-Source": "trigger:t", "Got-X-Own": "1", "Got-Content-Type": "text/plain", "Got-X-Request-Id": "id"} {
		if got := resp.Header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if string(body) != "payload" || version != 1 {
		t.Errorf("version %d got %q", version, body)
	}

	t.Run("as an HTTP request", func(t *testing.T) {
		hook := event
		hook.HTTP = &slipway.EventHTTP{Method: "PUT", Target: "/x?y=z", Host: "h"}
		resp, _, err := invoke(hook, strings.NewReader("payload"))
		must(t, err)
		resp.Body.Close()
		if resp.Header["X-Mode"][0] != "http" || resp.Header["X-Method"][0] != "PUT" || resp.Header["X-Target"][0] != "/x?y=z" || resp.Header["X-Host"][0] != "h" {
			t.Errorf("%v", resp.Header)
		}
	})
	t.Run("from a blob", func(t *testing.T) {
		large := event
		large.Payload, large.Blob, large.Size = nil, "sha256:…", 1<<20
		resp, _, err := invoke(large, strings.NewReader(strings.Repeat("x", 1<<20)))
		must(t, err)
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || len(b) != 1<<20 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
	t.Run("within the tenant's limit", func(t *testing.T) {
		_, err := w.api.PutTenant(t.Context(), ref.Tenant, 1)
		must(t, err)
		defer w.api.PutTenant(context.Background(), ref.Tenant, 0)
		first, _, err := invoke(event, nil)
		must(t, err)
		if _, _, err := invoke(event, nil); !errors.Is(err, slipway.ErrLimit) {
			t.Errorf("a second one: %v", err)
		}
		first.Body.Close()
		first.Body.Close() // which gives its place back once
		second, _, err := invoke(event, nil)
		must(t, err)
		if _, _, err := invoke(event, nil); !errors.Is(err, slipway.ErrLimit) {
			t.Errorf("beside it: %v", err)
		}
		second.Body.Close()
	})
	t.Run("settings", func(t *testing.T) {
		s, err := w.gateway.AsyncSettings(t.Context(), ref, "")
		if err != nil || s.Capacity != 21 || s.Attempts != 3 || s.Paused {
			t.Errorf("%+v, %v", s, err)
		}
		for _, q := range []string{"live", "1"} {
			if _, err := w.gateway.AsyncSettings(t.Context(), ref, q); err != nil {
				t.Errorf("%s: %v", q, err)
			}
		}
		for _, q := range []string{"none", "9"} {
			if _, err := w.gateway.AsyncSettings(t.Context(), ref, q); !errors.Is(err, slipway.ErrNotFound) {
				t.Errorf("%s: %v", q, err)
			}
		}
		if _, err := w.gateway.AsyncSettings(t.Context(), slipway.FunctionRef{Tenant: "default", Function: "none"}, ""); !errors.Is(err, slipway.ErrNotFound) {
			t.Errorf("a function that does not exist: %v", err)
		}
		// What async says belongs to the function: no version comes of it.
		_, err = w.api.PutFunction(t.Context(), "hello", []byte(`{"async":{"attempts":7,"rules":[{"error":"E*","action":"fail"}]}}`))
		must(t, err)
		testenv.Eventually(t, patience, func() error {
			s, err := w.gateway.AsyncSettings(t.Context(), ref, "")
			if err == nil && (s.Attempts != 7 || len(s.Rules) != 1) {
				err = errors.New("the change is not there")
			}
			return err
		})
		if f, err := w.api.Function(t.Context(), "hello"); err != nil || f.Live != 1 {
			t.Errorf("live is %d, %v", f.Live, err)
		}
	})
	t.Run("paused", func(t *testing.T) {
		_, err := w.api.Pause(t.Context(), "hello")
		must(t, err)
		if _, _, err := invoke(event, nil); !errors.Is(err, slipway.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		if s, err := w.gateway.AsyncSettings(t.Context(), ref, ""); err != nil || !s.Paused {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
