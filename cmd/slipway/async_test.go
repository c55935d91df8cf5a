package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// sendAsync accepts an event through REST and gives the answer.
func (p *platform) sendAsync(function, body string, header ...string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "POST", p.url+"/v1/functions/"+function+"/invocations", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("X-Slipway-Mode", "async")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return p.do(req)
}

// accept is sendAsync that must succeed; it gives the id.
func (p *platform) accept(function, body string, header ...string) string {
	p.t.Helper()
	res, answer := p.sendAsync(function, body, header...)
	var i slipway.Invocation
	if err := json.Unmarshal([]byte(answer), &i); err != nil || res.StatusCode != http.StatusAccepted || i.ID == "" {
		p.t.Fatalf("%s: %s", res.Status, answer)
	}
	return i.ID
}

// invocation reads an invocation, and with wait until it has its outcome.
func (p *platform) invocation(id string, wait bool) (i slipway.Invocation) {
	p.t.Helper()
	path := "/v1/invocations/" + id
	if wait {
		path += "?wait=30s"
	}
	res, body := p.api("GET", path, "")
	if err := json.Unmarshal([]byte(body), &i); err != nil || res.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s", res.Status, body)
	}
	return i
}

// in is p for a part of the test.
func (p *platform) in(t *testing.T) *platform {
	part := *p
	part.t = t
	return &part
}

// asyncSource does what its event says: how long it takes, how it ends.
const asyncSource = `
	body, _ := io.ReadAll(r.Body)
	if d, err := time.ParseDuration(r.Header.Get("X-Amzn-Trace-Id")); err == nil { time.Sleep(d) }
	switch string(body) {
	case "poison": w.WriteHeader(500); io.WriteString(w, "no")
	case "slow": time.Sleep(20 * time.Second)
	default:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, "{\"bytes\": %d, \"attempt\": %q, \"version\": 1}", len(body), r.Header.Get("X-Slipway-Attempt"))
	}`

func TestAsync(t *testing.T) {
	hook := newWebhook(t)
	p := boot(t, "--webhook-allow", "127.0.0.0/8")
	p.configure(t, "fn", `{"async":{"backoff":"0s"},"timeout":"60s"}`)
	p.deploy(goServer(t, asyncSource), "fn")

	t.Run("accepted, run and recorded", func(t *testing.T) {
		id := p.accept("fn", `{"a":1}`)
		if i := p.invocation(id, false); i.ID != id { // it can be asked for at once
			t.Fatalf("%+v", i)
		}
		i := p.invocation(id, true)
		if i.State != slipway.InvocationSucceeded || string(i.Result) != `{"bytes":7,"attempt":"1","version":1}` || i.Version != 1 || len(i.Attempts) != 1 {
			t.Errorf("%+v", i)
		}
	})
	t.Run("a poison event", func(t *testing.T) {
		i := p.invocation(p.accept("fn", "poison"), true)
		if i.State != slipway.InvocationFailed || len(i.Attempts) != 3 || i.Error.Type != "HTTP.500" {
			t.Errorf("%+v", i)
		}
	})
	t.Run("32 MiB, and more", func(t *testing.T) {
		large := strings.Repeat("x", slipway.MaxAsyncPayload)
		id := p.accept("fn", large)
		if i := p.invocation(id, true); i.State != slipway.InvocationSucceeded || !strings.Contains(string(i.Result), fmt.Sprint(slipway.MaxAsyncPayload)) {
			t.Errorf("%+v", i)
		}
		if _, body := p.api("GET", "/v1/invocations/"+id+"/event", ""); body != large {
			t.Errorf("the event that is kept has %d bytes", len(body))
		}
		res, body := p.sendAsync("fn", large+"x")
		wantError(t, res, body, http.StatusRequestEntityTooLarge, "too_large", "32 MiB")
	})
	t.Run("the same key is the same event", func(t *testing.T) {
		first := p.accept("fn", "1", "Idempotency-Key", "order 7")
		if second := p.accept("fn", "2", "Idempotency-Key", "order 7"); second != first {
			t.Errorf("%s and %s", first, second)
		}
		if i := p.invocation(first, true); !strings.Contains(string(i.Result), `"bytes":1`) {
			t.Errorf("%+v", i)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		id := p.accept("fn", "slow")
		testenv.Eventually(t, 10*time.Second, func() error {
			if i := p.invocation(id, false); i.State != slipway.InvocationRunning {
				return fmt.Errorf("it is %s", i.State)
			}
			return nil
		})
		if res, body := p.api("POST", "/v1/invocations/"+id+"/cancel", ""); res.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", res.Status, body)
		}
		if i := p.invocation(id, true); i.State != slipway.InvocationCancelled {
			t.Errorf("%+v", i)
		}
		res, body := p.api("POST", "/v1/invocations/"+id+"/cancel", "")
		wantError(t, res, body, http.StatusConflict, "conflict", "cancelled already")
	})
	t.Run("a destination that is down and comes back", func(t *testing.T) {
		p.configure(t, "fn", `{"async":{"on_success":"`+hook.URL+`"}}`)
		defer p.configure(t, "fn", `{"async":{"on_success":""}}`)
		hook.down(true)
		id := p.accept("fn", "1")
		p.invocation(id, true)
		testenv.Eventually(t, 20*time.Second, func() error {
			if i := p.invocation(id, false); len(i.Deliveries) != 1 || i.Deliveries[0].LastError == "" || i.Deliveries[0].Attempts < 2 {
				return fmt.Errorf("%+v", i.Deliveries)
			}
			return nil
		})
		hook.down(false)
		testenv.Eventually(t, 20*time.Second, func() error {
			if i := p.invocation(id, false); i.Deliveries[0].State != slipway.DeliveryDelivered {
				return fmt.Errorf("%+v", i.Deliveries)
			}
			return nil
		})
		var event struct {
			Type string
			Data struct {
				Version        string
				RequestContext struct{ RequestID, Condition string }
			}
		}
		if err := json.Unmarshal(hook.last(), &event); err != nil || event.Data.RequestContext.RequestID != id || event.Data.RequestContext.Condition != "Success" || event.Type != "dev.slipway.invocation.succeeded" {
			t.Errorf("%s", hook.last())
		}
	})
	t.Run("destinations that cannot be", func(t *testing.T) {
		for destination, part := range map[string]string{
			"function:fn": "its own destination", "function:none": "does not exist", "nats:slipway.events": "platform", "ftp://x": "write function:",
		} {
			res, body := p.api("PUT", "/v1/functions/fn", `{"async":{"on_failure":"`+destination+`"}}`)
			wantError(t, res, body, http.StatusBadRequest, "invalid", part)
		}
	})
	t.Run("command line", func(t *testing.T) {
		p := p.in(t)
		must := func(want int, args ...string) string {
			t.Helper()
			status, stdout, stderr := p.cli(args...)
			if status != want {
				t.Fatalf("slipway %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), status, want, stdout, stderr)
			}
			return stdout
		}
		id := strings.TrimSpace(must(0, "invoke", "fn", "--async", "-d", "poison"))
		if out := must(1, "invocations", "wait", id); !strings.Contains(out, "HTTP.500") || !strings.Contains(out, "attempt 3") {
			t.Errorf("wait: %s", out)
		}
		if out := must(0, "invocations", "list", "--dead", "--function", "fn"); !strings.Contains(out, id) || strings.Contains(out, "succeeded") {
			t.Errorf("list: %s", out)
		}
		if out := must(0, "invocations", "event", id); out != "poison" {
			t.Errorf("event: %q", out)
		}
		out := must(0, "invocations", "redrive", id, "-o", "json")
		var redriven slipway.Invocation
		if err := json.Unmarshal([]byte(out), &redriven); err != nil || redriven.Source != "redrive:"+id || p.invocation(id, false).Redriven != redriven.ID {
			t.Errorf("redrive: %s", out)
		}
		must(1, "invocations", "redrive", id)
		p.invocation(redriven.ID, true)
		if out := must(0, "invocations", "redrive", "--function", "fn"); !strings.Contains(out, "2") { // the first subtest's, and the one that was redriven
			t.Errorf("redrive all: %s", out)
		}
		must(2, "invocations", "redrive")
	})
	t.Run("replay", func(t *testing.T) {
		p := p.in(t)
		id := p.accept("fn", "123")
		p.invocation(id, true)
		if status, out, stderr := p.cli("invocations", "replay", id); status != 0 || !strings.Contains(out, "equal") {
			t.Errorf("on the same version: %d %s%s", status, out, stderr)
		}
		p.deploy(goServer(t, strings.Replace(asyncSource, `\"version\": 1`, `\"version\": 2`, 1)), "fn")
		if status, out, _ := p.cli("invocations", "replay", id, "--version", "2"); status != 1 || !strings.Contains(out, "result.version: 1, now 2") {
			t.Errorf("on the candidate: %d %s", status, out)
		}
		if status, out, _ := p.cli("invocations", "replay", id, "--version", "1"); status != 0 {
			t.Errorf("on the old version again: %d %s", status, out)
		}
	})
	t.Run("another tenant sees nothing", func(t *testing.T) {
		id := p.accept("fn", "1")
		p.api("PUT", "/v1/tenants/other", `{}`)
		_, body := p.api("POST", "/v1/keys", `{"tenant":"other","scopes":["admin"]}`)
		var key slipway.Key
		if err := json.Unmarshal([]byte(body), &key); err != nil || key.Secret == "" {
			t.Fatalf("make a key: %s", body)
		}
		other := *p
		other.key = key.Secret
		for _, call := range [][2]string{{"GET", ""}, {"GET", "/event"}, {"POST", "/cancel"}, {"POST", "/redrive"}, {"POST", "/replay"}} {
			res, body := other.api(call[0], "/v1/invocations/"+id+call[1], "")
			wantError(t, res, body, http.StatusNotFound, "not_found", "does not exist")
		}
		if _, body := other.api("GET", "/v1/invocations", ""); strings.Contains(body, id) {
			t.Errorf("in the other's list: %s", body)
		}
	})
}

// webhook is a receiver that can be down.
type webhook struct {
	*httptest.Server
	mu   sync.Mutex
	away bool
	body []byte
}

func newWebhook(t *testing.T) *webhook {
	h := &webhook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body json.RawMessage
		err := json.NewDecoder(r.Body).Decode(&body)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.away || err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		h.body = body
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *webhook) down(away bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.away = away
}

func (h *webhook) last() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.body
}
