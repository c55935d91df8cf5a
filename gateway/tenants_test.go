package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/sdk"
)

func TestTenants(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	resp, body := w.call("PUT", "/v1/tenants/team-a", `{"max_concurrency":5}`)
	check(t, resp, body, http.StatusCreated, `"max_concurrency":5`)
	got, err := w.api.PutTenant(ctx, "team-a", 7)
	must(t, err)
	all, err := w.api.Tenants(ctx)
	must(t, err)
	if got.MaxConcurrency != 7 || len(all) != 2 || all[1].Name != "team-a" {
		t.Errorf("%+v of %+v", got, all)
	}

	resp, body = w.call("POST", "/v1/keys", `{"tenant":"team-a"}`)
	check(t, resp, body, http.StatusCreated, `"tenant":"team-a"`)
	var key slipway.Key
	must(t, json.Unmarshal([]byte(body), &key))
	theirs := sdk.New(w.url, key.Secret)
	if own, err := theirs.Tenant(ctx, "team-a"); err != nil || own.MaxConcurrency != 7 {
		t.Errorf("their own: %+v, %v", own, err)
	}
	for what, call := range map[string]func() error{
		"another":         func() error { _, err := theirs.Tenant(ctx, "default"); return err },
		"all":             func() error { _, err := theirs.Tenants(ctx); return err },
		"its own limit":   func() error { _, err := theirs.PutTenant(ctx, "team-a", 0); return err },
		"deleting itself": func() error { return theirs.DeleteTenant(ctx, "team-a") },
	} {
		if err := call(); !errors.Is(err, slipway.ErrForbidden) {
			t.Errorf("%s: %v", what, err)
		}
	}

	resp, body = w.call("PUT", "/v1/tenants/No_Good", `{}`)
	check(t, resp, body, http.StatusBadRequest, "lower-case")
	resp, body = w.call("PUT", "/v1/tenants/team-a", `{"max_concurrency":-1}`)
	check(t, resp, body, http.StatusBadRequest, "max_concurrency: -1")
	if _, err := w.api.Tenant(ctx, "nobody"); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("%v", err)
	}
	must(t, w.api.DeleteTenant(ctx, "team-a"))
	if _, err := theirs.Functions(ctx, slipway.Page{}); !errors.Is(err, slipway.ErrUnauthorized) {
		t.Errorf("the key of a deleted tenant: %v", err)
	}
}

// TestTenantsConcurrency: two gateways let no more events in than the tenant's limit,
// whatever the answer is like, and keep what a function has reserved for it.
func TestTenantsConcurrency(t *testing.T) {
	w := newWorld(t)
	second := w.another("gw2")
	i := w.newInvoker("a")
	i.handle(func(_ context.Context, r *slipway.Request) (*slipway.Response, error) {
		if r.Target == "/stream" { // its answer begins at once, and ends when the request does
			return &slipway.Response{Status: 200, Header: slipway.Header{}, Length: -1, Body: r.Body}, nil
		}
		return answer(200, "ok"), nil
	})
	w.publish("open", nil)
	w.publish("reserving", func(c *slipway.Config) { c.Scaling.Reserved = 1 })
	_, err := w.api.PutTenant(t.Context(), slipway.DefaultTenant, 3)
	must(t, err)

	testenv.Eventually(t, patience, func() error { // the other gateway has heard of the limit
		if _, err := second.api.PutFunction(t.Context(), "spare", json.RawMessage(`{"scaling":{"reserved":9}}`)); !errors.Is(err, slipway.ErrInvalid) {
			return fmt.Errorf("reserving 9 of 3: %v", err)
		}
		return nil
	})

	// Two streams take all that is not reserved, one at each gateway.
	var ends []io.WriteCloser
	for _, gateway := range []*world{w, second} {
		ends = append(ends, gateway.stream(t, "/fn/open/stream"))
	}
	refused := func(gateway *world) error {
		resp, body := gateway.event("GET", "/fn/open/", "")
		if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "tenant's concurrency") {
			return errors.New(resp.Status + body)
		}
		return nil
	}
	for _, gateway := range []*world{w, second} {
		testenv.Eventually(t, patience, func() error { return refused(gateway) })
		resp, body := gateway.event("GET", "/fn/reserving/", "")
		check(t, resp, body, 200, "ok")
	}
	if _, err := w.api.Invoke(t.Context(), "open", strings.NewReader("{}"), sdk.Invocation{}); !errors.Is(err, slipway.ErrLimit) {
		t.Errorf("an invocation: %v", err)
	}
	_, err = w.api.PutFunction(t.Context(), "open", json.RawMessage(`{"scaling":{"reserved":3}}`))
	if !errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), "2 left to reserve") {
		t.Errorf("reserving more than there is: %v", err)
	}
	must(t, ends[0].Close())
	must(t, ends[1].Close())
	for _, gateway := range []*world{w, second} {
		testenv.Eventually(t, patience, func() error {
			if resp, body := gateway.event("GET", "/fn/open/", ""); resp.StatusCode != http.StatusOK {
				return errors.New(resp.Status + body)
			}
			return nil
		})
	}
}

// TestWebSocketIsInFlight: as long as it is open, it has its seat.
func TestWebSocketIsInFlight(t *testing.T) {
	w := newWorld(t)
	w.publish("chat", nil)
	w.publish("hello", nil)
	i := w.newInvoker("a")
	join := joinWith(t, serveChat(t))
	i.handle(func(ctx context.Context, r *slipway.Request) (*slipway.Response, error) {
		if r.Version.Function == "chat" {
			return join(ctx, r)
		}
		return answer(200, "ok"), nil
	})
	_, err := w.api.PutTenant(t.Context(), slipway.DefaultTenant, 1)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+w.url[len("http"):]+"/fn/chat/room", nil)
	must(t, err)
	defer conn.CloseNow()
	resp, body := w.event("GET", "/fn/hello/", "")
	check(t, resp, body, http.StatusTooManyRequests, "tenant's concurrency")
	must(t, conn.Close(websocket.StatusNormalClosure, "bye"))
	testenv.Eventually(t, patience, func() error {
		if resp, body := w.event("GET", "/fn/hello/", ""); resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status + body)
		}
		return nil
	})
}

// stream begins an event whose answer goes on until its request is closed.
func (w *world) stream(t *testing.T, path string) io.WriteCloser {
	t.Helper()
	body, end := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.url+path, body)
	must(t, err)
	answered := make(chan *http.Response, 1)
	go func() {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Errorf("the stream: %v", err)
		}
		answered <- resp
	}()
	io.WriteString(end, "begun")
	resp := <-answered
	if resp == nil {
		t.FailNow()
	}
	t.Cleanup(func() {
		end.Close()
		resp.Body.Close()
	})
	return end
}
