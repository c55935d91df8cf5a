package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/trigger"
)

// collected are events that were accepted.
type collected struct {
	mu     sync.Mutex
	events []slipway.Event
}

func (c *collected) Accept(_ context.Context, e slipway.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	return nil
}

// newTriggerWorld has a real engine of triggers.
func newTriggerWorld(t *testing.T, change ...func(*gateway.Config)) (*world, *collected) {
	events := &collected{}
	w := newWorldWith(t, func(w *world, g *gateway.Gateway) {
		e := trigger.New(trigger.Config{Owner: "gw"}, w.store, events, nil, w.bus, nil, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("triggers: %v", err)
			}
		})
		g.UseTriggers(e)
	}, change...)
	w.publish("hello", nil)
	return w, events
}

const hookTrigger = `{"type":"webhook","function":"hello","webhook":{"signature":"github","secret":"a good secret"}}`

func TestTriggerCalls(t *testing.T) {
	w, _ := newTriggerWorld(t)
	resp, body := w.call("PUT", "/v1/triggers/push", hookTrigger)
	check(t, resp, body, 201, `"has_secret":true`)
	resp, body = w.call("PUT", "/v1/triggers/push", `{"type":"webhook","function":"hello","webhook":{"signature":"github"},"enabled":false}`)
	check(t, resp, body, 200, `"enabled":false`)
	for _, path := range []string{"/v1/triggers/push", "/v1/triggers"} {
		if resp, body = w.call("GET", path, ""); strings.Contains(body, "a good secret") {
			t.Errorf("%s shows the secret: %s", path, body)
		}
		check(t, resp, body, 200, `"has_secret":true`)
	}
	d := slipway.DefaultJobDefinition()
	d.Tenant, d.Name, d.Image = "default", "d", "hello"
	_, err := w.store.AddDefinition(t.Context(), d)
	must(t, err)
	for _, c := range []struct {
		path, body string
		status     int
		part       string
	}{
		{"x", `{"type":"cron","function":"nobody","cron":{"schedule":"@daily"}}`, 400, "deploy it first"},
		{"x", `{"type":"cron","function":"hello","cron":{"schedule":"soon"}}`, 400, "cron.schedule"},
		{"x", `{"type":"cron","function":"hello","cron":{"schedule":"@daily","often":true}}`, 400, "often"},
		{"x", `{"name":"y","type":"cron","function":"hello","cron":{"schedule":"@daily"}}`, 400, "leave it out"},
		{"x", `{"type":"nats","function":"hello","nats":{"subject":"a.b"}}`, 400, "takes no messages"},
		{"x", `{"type":"cron","job":{"definition":"d"},"cron":{"schedule":"@daily"}}`, 400, "takes no jobs"},
		{"x", `{"type":"cron","job":{"definition":"d:2"},"cron":{"schedule":"@daily"}}`, 400, "register it first"},
		{"x", `{"type":"cron","job":{"definition":"d:x"},"cron":{"schedule":"@daily"}}`, 400, "the number of a revision"},
		{"x", `{"type":"cron","job":{"definition":"d","queue":"nowhere"},"cron":{"schedule":"@daily"}}`, 400, "make it first"},
		{"A-", hookTrigger, 400, "a name is"},
	} {
		resp, body = w.call("PUT", "/v1/triggers/"+c.path, c.body)
		check(t, resp, body, c.status, c.part)
	}
	resp, body = w.call("DELETE", "/v1/triggers/push", "")
	check(t, resp, body, 204, "")
	resp, body = w.call("POST", "/v1/triggers/push/fire", "")
	check(t, resp, body, 404, "does not exist")
}

// What is shown can be put back.
func TestTriggerRoundTrip(t *testing.T) {
	w, _ := newTriggerWorld(t)
	_, made := w.call("PUT", "/v1/triggers/tick", `{"type":"cron","function":"hello","payload":"x","cron":{"schedule":"0 3 * * *","time_zone":"Europe/Berlin","missed":"once","max_late":"1h"}}`)
	resp, again := w.call("PUT", "/v1/triggers/tick", made)
	var a, b slipway.Trigger
	must(t, json.Unmarshal([]byte(made), &a))
	must(t, json.Unmarshal([]byte(again), &b))
	if resp.StatusCode != 200 || b.Revision != a.Revision+1 || *a.Cron != *b.Cron || a.Payload != b.Payload || !b.Enabled {
		t.Errorf("%s became %s", made, again)
	}
}

// Triggers are their tenant's alone.
func TestTriggersOfOthers(t *testing.T) {
	w, events := newTriggerWorld(t)
	_, _, err := w.store.PutTenant(t.Context(), slipway.Tenant{Name: "other"})
	must(t, err)
	must(t, w.store.AddKey(t.Context(), slipway.Key{ID: "o", Tenant: "other", Scopes: []string{"admin"}, Hash: hashOf("slipway_other")}))
	must(t, w.store.AddKey(t.Context(), slipway.Key{ID: "i", Tenant: "default", Scopes: []string{"invoke"}, Hash: hashOf("slipway_invoke")}))
	w.call("PUT", "/v1/triggers/push", hookTrigger)
	theirs := []string{"Authorization", "Bearer slipway_other"}
	for _, c := range []struct{ method, path string }{{"GET", "/v1/triggers/push"}, {"DELETE", "/v1/triggers/push"}, {"POST", "/v1/triggers/push/fire"}} {
		resp, body := w.event(c.method, c.path, "", theirs...)
		check(t, resp, body, 404, "does not exist")
		resp, body = w.event(c.method, c.path, "", "Authorization", "Bearer slipway_invoke")
		check(t, resp, body, 403, "scope")
	}
	resp, body := w.event("GET", "/v1/triggers", "", theirs...)
	check(t, resp, body, 200, `"items":[]`)
	resp, body = w.event("PUT", "/v1/triggers/mine", hookTrigger, theirs...)
	check(t, resp, body, 400, "deploy it first") // the function is another tenant's
	resp, body = w.event("POST", "/v1/hooks/other/push", "{}")
	check(t, resp, body, 404, "no webhook")
	if len(events.events) != 0 {
		t.Errorf("events %+v", events.events)
	}
}

func TestHookLimits(t *testing.T) {
	w, events := newTriggerWorld(t)
	w.call("PUT", "/v1/triggers/open", `{"type":"webhook","function":"hello","webhook":{}}`)

	t.Run("too large", func(t *testing.T) {
		for _, length := range []int64{slipway.MaxAsyncPayload + 1, -1} {
			body := io.LimitReader(zeros{}, slipway.MaxAsyncPayload+1)
			req, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/v1/hooks/default/open", io.NopCloser(body))
			must(t, err)
			req.ContentLength = length
			resp, text := w.do(req)
			check(t, resp, text, 413, "32 MiB")
		}
	})
	t.Run("as large as allowed", func(t *testing.T) {
		resp, body := w.event("POST", "/v1/hooks/default/open", string(bytes.Repeat([]byte("x"), slipway.MaxAsyncPayload)))
		check(t, resp, body, 202, `"invocation"`)
		if n := len(events.events); n != 1 || events.events[0].Size != slipway.MaxAsyncPayload {
			t.Errorf("%d events were accepted", n)
		}
	})
	t.Run("an unknown one is not read", func(t *testing.T) {
		resp, body := w.event("POST", "/v1/hooks/default/nobody", "x", "Expect", "100-continue")
		check(t, resp, body, 404, "no webhook")
	})
	t.Run("many at once", func(t *testing.T) {
		var open []net.Conn
		leave := func() {
			for _, conn := range open {
				conn.Close()
			}
		}
		defer leave()
		large := strings.Repeat("x", 2<<20)
		testenv.Eventually(t, patience, func() error { // a large one may have had the seat that a half one came for
			conn, err := net.Dial("tcp", w.addr)
			must(t, err)
			open = append(open, conn)
			_, err = io.WriteString(conn, "POST /v1/hooks/default/open HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\nx")
			must(t, err)
			if resp, body := w.event("POST", "/v1/hooks/default/open", large); resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
				return slipway.Errorf(slipway.ErrConflict, "%s %s", resp.Status, body)
			}
			return nil
		})
		resp, body := w.event("POST", "/v1/hooks/default/open", "a small one has a seat")
		check(t, resp, body, 202, "")
		leave()
		testenv.Eventually(t, patience, func() error {
			if resp, body := w.event("POST", "/v1/hooks/default/open", large); resp.StatusCode != 202 {
				return slipway.Errorf(slipway.ErrConflict, "%s %s", resp.Status, body)
			}
			return nil
		})
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A synchronous webhook answers as an HTTP event does, and tells errors of the function
// from those of the platform.
func TestHookSync(t *testing.T) {
	w, _ := newTriggerWorld(t, func(c *gateway.Config) { c.MaxEventBytes = 1000 })
	w.call("PUT", "/v1/triggers/now", `{"type":"webhook","function":"hello","webhook":{"sync":true}}`)
	invoker := w.newInvoker("a")
	resp, body := w.event("POST", "/v1/hooks/default/now?a=b", "hi", "X-Mine", "m")
	check(t, resp, body, 200, "hi")
	if h := resp.Header; h.Get("X-Target") != "/?a=b" || h.Get("X-Mode") != "http" || h.Get("Got-X-Mine") != "m" || h.Get("Got-X-Slipway-Trigger") != "now" || h.Get("Server-Timing") == "" {
		t.Errorf("the header is %v", h)
	}
	resp, body = w.event("POST", "/v1/hooks/default/now", `{"n":1}`, "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "t", "Content-Type", "application/json")
	check(t, resp, body, 200, `{"n":1}`)
	if h := resp.Header; h.Get("X-Mode") != "invoke" || h.Get("Got-Ce-Id") != "1" || h.Get("Got-Content-Type") != "application/json" {
		t.Errorf("a cloudevent's header is %v", h)
	}
	resp, body = w.event("POST", "/v1/hooks/default/now", strings.Repeat("x", 1001))
	check(t, resp, body, 413, "")
	invoker.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
		return &slipway.Response{FunctionError: &slipway.FunctionError{Type: slipway.ErrorTypeExit, Message: "fell"}}, nil
	})
	resp, body = w.event("POST", "/v1/hooks/default/now", "x")
	check(t, resp, body, 502, "function_error")
	testenv.Eventually(t, patience, func() error {
		shown, err := w.api.Trigger(t.Context(), "now")
		if err == nil && shown.Status.LastError != "function error: "+slipway.ErrorTypeExit+": fell" {
			err = slipway.Errorf(slipway.ErrConflict, "status %+v", shown.Status)
		}
		return err
	})
	invoker.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
		return nil, slipway.Errorf(slipway.ErrLimit, "no room")
	})
	resp, body = w.event("POST", "/v1/hooks/default/now", "x")
	check(t, resp, body, 429, "no room")
	got := w.scrape()
	for outcome, want := range map[string]float64{"ok": 2, "function_error": 1, "platform_error": 1, "client_error": 1} {
		if v := metric(got, "slipway_events_total", "kind", "webhook", "outcome", outcome); v != want {
			t.Errorf("%s is %v, want %v", outcome, v, want)
		}
	}
	testenv.Eventually(t, patience, func() error {
		shown, err := w.api.Trigger(t.Context(), "now")
		if err == nil && (shown.Status.Fired != 3 || !strings.Contains(shown.Status.LastError, "no room")) {
			err = slipway.Errorf(slipway.ErrConflict, "status %+v", shown.Status)
		}
		return err
	})
}

// A sender of CloudEvents may ask before it sends any.
func TestHookConsent(t *testing.T) {
	w, _ := newTriggerWorld(t)
	w.call("PUT", "/v1/triggers/ce", `{"type":"webhook","function":"hello","webhook":{}}`)
	resp, body := w.event("OPTIONS", "/v1/hooks/default/ce", "", "WebHook-Request-Origin", "eventemitter.example.com", "WebHook-Request-Rate", "120")
	check(t, resp, body, 200, "")
	if h := resp.Header; h.Get("WebHook-Allowed-Origin") != "eventemitter.example.com" || h.Get("WebHook-Allowed-Rate") != "*" {
		t.Errorf("the header is %v", h)
	}
	resp, body = w.event("OPTIONS", "/v1/hooks/default/nobody", "", "WebHook-Request-Origin", "x")
	check(t, resp, body, 404, "no webhook")
}

// A gateway without triggers says so.
func TestNoTriggers(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ method, path string }{{"GET", "/v1/triggers"}, {"POST", "/v1/hooks/default/x"}} {
		resp, body := w.call(c.method, c.path, "")
		check(t, resp, body, 400, "keeps no triggers")
	}
}

// Who has a seat and sends nothing loses it.
func TestHookTime(t *testing.T) {
	w, _ := newTriggerWorld(t, func(c *gateway.Config) { c.HookTime = 50 * time.Millisecond })
	w.call("PUT", "/v1/triggers/open", `{"type":"webhook","function":"hello","webhook":{}}`)
	conn, err := net.Dial("tcp", w.addr)
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /v1/hooks/default/open HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\nx")
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(patience)))
	if got, err := io.ReadAll(conn); err != nil || len(got) > 0 {
		t.Errorf("%q, %v; the connection should end", got, err)
	}
}

// Half a body is no event, also when its sender waits for an answer.
func TestHalfABody(t *testing.T) {
	w, events := newTriggerWorld(t)
	w.call("PUT", "/v1/triggers/open", `{"type":"webhook","function":"hello","webhook":{}}`)
	conn, err := net.Dial("tcp", w.addr)
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /v1/hooks/default/open HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
	must(t, err)
	must(t, conn.(*net.TCPConn).CloseWrite())
	must(t, conn.SetReadDeadline(time.Now().Add(patience)))
	if got, err := io.ReadAll(conn); err != nil || strings.HasPrefix(string(got), "HTTP/1.1 2") {
		t.Errorf("%q, %v", got, err)
	}
	if len(events.events) > 0 {
		t.Errorf("accepted: %+v", events.events)
	}
}

// A synchronous webhook may take longer than its body.
func TestHookTimeIsOfTheBody(t *testing.T) {
	w, _ := newTriggerWorld(t, func(c *gateway.Config) { c.HookTime = time.Second })
	w.call("PUT", "/v1/triggers/now", `{"type":"webhook","function":"hello","webhook":{"sync":true}}`)
	w.newInvoker("a").handle(func(ctx context.Context, _ *slipway.Request) (*slipway.Response, error) {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(1500 * time.Millisecond): // no condition: that nothing happens meanwhile
		}
		return &slipway.Response{Status: 200, Header: slipway.Header{"X-Late": {"yes"}}}, nil
	})
	resp, body := w.event("POST", "/v1/hooks/default/now", "x")
	check(t, resp, body, 200, "")
}

// Who fills the seats of one tenant leaves some to another.
func TestHookSeatsOfOthers(t *testing.T) {
	w, _ := newTriggerWorld(t)
	_, _, err := w.store.PutTenant(t.Context(), slipway.Tenant{Name: "other"})
	must(t, err)
	_, _, err = w.store.PutTrigger(t.Context(), slipway.TriggerRef{Tenant: "other", Name: "open"}, func(*slipway.Trigger) (slipway.Trigger, error) {
		return slipway.Trigger{Type: slipway.TriggerWebhook, Enabled: true, Function: "f", Webhook: &slipway.WebhookTrigger{Signature: slipway.SignatureNone}}, nil
	})
	must(t, err)
	w.call("PUT", "/v1/triggers/open", `{"type":"webhook","function":"hello","webhook":{}}`) // has all triggers read
	for range 20 {
		conn, err := net.Dial("tcp", w.addr)
		must(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "POST /v1/hooks/default/open HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\nx")
		must(t, err)
	}
	large := strings.Repeat("x", 2<<20)
	testenv.Eventually(t, patience, func() error {
		if resp, body := w.event("POST", "/v1/hooks/default/open", large); resp.StatusCode != 429 {
			return slipway.Errorf(slipway.ErrConflict, "%s %s", resp.Status, body)
		}
		return nil
	})
	resp, body := w.event("POST", "/v1/hooks/other/open", large)
	check(t, resp, body, 202, "")
}
