package async_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/async"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

// document is the record that a destination gets.
type document struct {
	Version        string
	RequestContext struct {
		RequestID, FunctionARN, Condition string
		ApproximateInvokeCount            int
	}
	RequestPayload  json.RawMessage
	ResponseContext struct {
		StatusCode                     int
		ExecutedVersion, FunctionError string
	}
	ResponsePayload json.RawMessage
}

func read(t *testing.T, doc string) (d document) {
	t.Helper()
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		t.Fatalf("%v: %s", err, doc)
	}
	return d
}

// outcomesTo sets where the outcomes of a function go.
func outcomesTo(success, failure string) func(*slipway.AsyncSettings) {
	return func(s *slipway.AsyncSettings) { s.OnSuccess, s.OnFailure, s.Backoff = success, failure, 0 }
}

// delivered waits until the only outcome of an invocation is with its destination.
func (w *world) delivered(id string) {
	w.t.Helper()
	testenv.Eventually(w.t, patience, func() error {
		i, err := w.engine.Invocation(w.t.Context(), "default", id)
		if err == nil && (len(i.Deliveries) != 1 || i.Deliveries[0].State != slipway.DeliveryDelivered) {
			err = fmt.Errorf("%+v", i.Deliveries)
		}
		return err
	})
}

func TestToFunction(t *testing.T) {
	w := newWorld(t)
	w.fn.define("f", echo, outcomesTo("function:ok", "function:dead"))
	w.fn.define("poison", func(context.Context, call) (*slipway.Response, error) { return fails("E", "no"), nil }, outcomesTo("", "function:dead:stable"))
	w.fn.define("ok", echo)
	w.fn.define("dead", echo)

	id := w.accept("f", `{"a":1}`).ID
	w.delivered(id)
	w.await(slipway.EventID("destination", "default", "ok", id), slipway.InvocationSucceeded)
	d := read(t, w.fn.calls("ok")[0].body)
	if d.Version != "1.0" || d.RequestContext.RequestID != id || d.RequestContext.Condition != "Success" || d.RequestContext.ApproximateInvokeCount != 1 ||
		d.RequestContext.FunctionARN != "arn:aws:lambda:us-east-1:000000000000:function:f:1" || string(d.RequestPayload) != `{"a":1}` ||
		string(d.ResponsePayload) != `{"a":1}` || d.ResponseContext.StatusCode != 200 || d.ResponseContext.FunctionError != "" {
		t.Errorf("%+v", d)
	}

	id = w.accept("poison", "no JSON").ID
	w.delivered(id)
	w.await(slipway.EventID("destination", "default", "dead", id), slipway.InvocationSucceeded)
	c := w.fn.calls("dead")[0]
	d = read(t, c.body)
	if d.RequestContext.Condition != "RetriesExhausted" || d.RequestContext.ApproximateInvokeCount != 3 || d.ResponseContext.FunctionError != "Unhandled" ||
		string(d.RequestPayload) != `"no JSON"` || string(d.ResponsePayload) != `{"errorMessage":"no","errorType":"E"}` || c.Qualifier != "stable" || c.Source != "destination:poison" {
		t.Errorf("%+v of %+v", d, c)
	}
}

// TestDestinationsDoNotRunForEver: functions that are each other's destination stop.
func TestDestinationsDoNotRunForEver(t *testing.T) {
	w := newWorld(t)
	w.fn.define("ping", echo, outcomesTo("function:pong", ""))
	w.fn.define("pong", echo, outcomesTo("function:ping", ""))
	w.accept("ping", "1")
	testenv.Eventually(t, patience, func() error {
		list, err := w.engine.Invocations(t.Context(), "default", slipway.InvocationFilter{}, slipway.Page{})
		if err != nil {
			return err
		}
		for _, i := range list.Items {
			i, err := w.engine.Invocation(t.Context(), "default", i.ID)
			if err == nil && len(i.Deliveries) == 1 && strings.Contains(i.Deliveries[0].LastError, "16 destinations") {
				return nil
			}
		}
		return fmt.Errorf("%d invocations and no end", len(list.Items))
	})
	if n := len(w.fn.calls("ping")) + len(w.fn.calls("pong")); n != 17 {
		t.Errorf("%d events ran", n)
	}
}

func TestToQueue(t *testing.T) {
	w := newWorld(t)
	w.fn.define("f", echo, outcomesTo("queue:high/report:2", ""))
	small, large := w.accept("f", `1`).ID, w.accept("f", `"`+strings.Repeat("x", 100<<10)+`"`).ID
	w.delivered(small)
	w.delivered(large)
	w.jobs.mu.Lock()
	defer w.jobs.mu.Unlock()
	for _, j := range w.jobs.jobs {
		d := read(t, j.Overrides.Env["SLIPWAY_RECORD"])
		if j.Queue != "high" || j.Definition != "report:2" || j.IdempotencyKey == "" || d.RequestContext.Condition != "Success" || d.RequestContext.RequestID != j.Parameters["invocation"] {
			t.Errorf("%+v", j)
		}
		if has := string(d.RequestPayload) == "1"; has != (d.RequestContext.RequestID == small) {
			t.Errorf("payload %.100s", d.RequestPayload)
		}
	}
	if len(w.jobs.jobs) != 2 {
		t.Errorf("%d jobs", len(w.jobs.jobs))
	}
}

func TestToNATS(t *testing.T) {
	server, err := bus.NewServer(bus.ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", Guests: true}, (&world{t: t}).log())
	must(t, err)
	must(t, server.Start(t.Context()))
	t.Cleanup(server.Shutdown)
	w := newWorldOn(t, server)
	w.fn.define("plain", echo, outcomesTo("nats:outside.plain", ""))
	w.fn.define("kept", echo, outcomesTo("nats:kept.here", ""))

	conn, err := nats.Connect(server.URL())
	must(t, err)
	defer conn.Close()
	sub, err := conn.SubscribeSync("outside.>")
	must(t, err)
	js, err := conn.JetStream()
	must(t, err)
	_, err = js.AddStream(&nats.StreamConfig{Name: "KEPT", Subjects: []string{"kept.>"}})
	must(t, err)
	must(t, conn.Flush())

	id := w.accept("plain", "1").ID
	w.delivered(id)
	msg, err := sub.NextMsg(patience)
	must(t, err)
	if d := read(t, string(msg.Data)); d.RequestContext.RequestID != id || msg.Header.Get("Slipway-Invocation") != id {
		t.Errorf("%+v", msg)
	}
	id = w.accept("kept", "1").ID
	w.delivered(id)
	stored, err := js.GetLastMsg("KEPT", "kept.here")
	must(t, err)
	if d := read(t, string(stored.Data)); d.RequestContext.RequestID != id {
		t.Errorf("%s", stored.Data)
	}
}

// TestWebhook: a signed CloudEvent, again until it is taken, under the same id.
func TestWebhook(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var got []*http.Request
	var bodies []string
	hook := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got, bodies = append(got, r), append(bodies, string(body))
		switch len(got) {
		case 1:
			rw.WriteHeader(http.StatusInternalServerError)
		case 2:
			http.Redirect(rw, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}
	}))
	defer hook.Close()
	w.fn.define("f", echo, outcomesTo(hook.URL+"/x?y=z", ""))
	old, err := w.engine.WebhookKey(t.Context(), "default")
	must(t, err)
	key, err := w.engine.RotateWebhookKey(t.Context(), "default")
	must(t, err)
	if key.Previous != old.Key || key.Key == old.Key || !strings.HasPrefix(key.Key, "whsec_") {
		t.Errorf("%+v after %+v", key, old)
	}
	id := w.accept("f", `{"a":1}`).ID
	w.delivered(id)
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 3 {
		t.Fatalf("%d requests", len(got))
	}
	for n, r := range got {
		if r.Header.Get("Webhook-Id") != id || r.Header.Get("Content-Type") != "application/cloudevents+json; charset=utf-8" || r.URL.String() != "/x?y=z" {
			t.Errorf("request %d: %s %v", n, r.URL, r.Header)
		}
		want := signed(key.Key, r, bodies[n]) + " " + signed(old.Key, r, bodies[n])
		if s := r.Header.Get("Webhook-Signature"); s != want {
			t.Errorf("request %d is signed %s, want %s", n, s, want)
		}
	}
	var e struct {
		SpecVersion, ID, Source, Type, DataContentType string
		Data                                           json.RawMessage
	}
	must(t, json.Unmarshal([]byte(bodies[0]), &e))
	if e.SpecVersion != "1.0" || e.ID != id || e.Type != "dev.slipway.invocation.succeeded" || e.Source != "/tenants/default/functions/f" || e.DataContentType != "application/json" {
		t.Errorf("%+v", e)
	}
	if d := read(t, string(e.Data)); d.RequestContext.RequestID != id {
		t.Errorf("%+v", d)
	}
}

// signed is the signature as a receiver computes it, from the specification.
func signed(key string, r *http.Request, body string) string {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "whsec_"))
	if err != nil {
		return err.Error()
	}
	mac := hmac.New(sha256.New, secret)
	io.WriteString(mac, r.Header.Get("Webhook-Id")+"."+r.Header.Get("Webhook-Timestamp")+"."+body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// TestWebhookStaysOutside: what is not public is not reached, and given up after a day.
func TestWebhookStaysOutside(t *testing.T) {
	w := newWorld(t, func(c *async.Config) { c.WebhookAllow = nil })
	var reached atomic.Bool
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer hook.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(hook.URL, "http://"), ":")
	w.fn.define("f", echo, outcomesTo("http://localhost:"+port, "")) // by a name that resolves to it
	id := w.accept("f", "1").ID
	lastError := func(state string) {
		testenv.Eventually(t, patience, func() error {
			i, err := w.engine.Invocation(t.Context(), "default", id)
			if err == nil && (len(i.Deliveries) != 1 || i.Deliveries[0].State != state || !strings.Contains(i.Deliveries[0].LastError, "no public address")) {
				err = fmt.Errorf("%+v", i.Deliveries)
			}
			return err
		})
	}
	lastError(slipway.DeliveryWaiting)
	w.pass(25 * time.Hour)
	lastError(slipway.DeliveryGivenUp)
	if reached.Load() {
		t.Error("the webhook was reached")
	}
}

func TestCheckDestination(t *testing.T) {
	w := newWorld(t)
	w.fn.define("f", echo)
	w.fn.define("g", echo)
	ref := slipway.FunctionRef{Tenant: "default", Function: "f"}
	for destination, wrong := range map[string]bool{
		"": false, "function:g": false, "function:g:stable": false, "queue:high/report": false, "nats:a.b": false, "https://example.com/x": false,
		"function:f": true, "function:none": true, "queue:high": true, "nats:slipway.events": true, "nats:a.*": true, "nats:$JS.API": true, "https://": true, "x": true,
	} {
		if err := w.engine.CheckDestination(t.Context(), ref, destination); (err != nil) != wrong || wrong && !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("%q: %v", destination, err)
		}
	}
}
