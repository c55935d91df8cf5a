package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// recorder is a function that prints what it gets, for the tests to read in its log.
func recorder(t *testing.T) string {
	return goServer(t, `
		body, _ := io.ReadAll(r.Body)
		fmt.Printf("GOT %s %s trigger=%s scheduled=%s github=%s ce=%s/%s %s\n", r.Method, r.URL.RequestURI(), r.Header.Get("X-Slipway-Trigger"),
			r.Header.Get("X-Slipway-Scheduled-Time"), r.Header.Get("X-Github-Event"), r.Header.Get("Ce-Type"), r.Header.Get("Ce-Id"), body)
		w.Write([]byte("did " + string(body)))`)
}

// got are the lines of recorder that hold part.
func (p *platform) got(function, part string) []string {
	p.t.Helper()
	_, body := p.api("GET", "/v1/functions/"+function+"/logs?limit=1000", "")
	var lines []string
	for line := range strings.Lines(body) {
		var l struct{ Text string }
		if json.Unmarshal([]byte(line), &l) == nil && strings.HasPrefix(l.Text, "GOT") && strings.Contains(l.Text, part) {
			lines = append(lines, l.Text)
		}
	}
	return lines
}

func (p *platform) awaitGot(function, part string, n int) []string {
	p.t.Helper()
	var lines []string
	testenv.Eventually(p.t, 30*time.Second, func() error {
		if lines = p.got(function, part); len(lines) < n {
			return fmt.Errorf("%d lines with %q, want %d: %q", len(lines), part, n, lines)
		}
		return nil
	})
	return lines
}

// hook sends a request to a webhook, without a key.
func (p *platform) hook(name, query, body string, header ...string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "POST", p.url+"/v1/hooks/default/"+name+query, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return p.do(req)
}

func hmacHex(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func (p *platform) mustCLI(args ...string) string {
	p.t.Helper()
	status, out, stderr := p.cli(args...)
	if status != 0 {
		p.t.Fatalf("slipway %s: exit status %d\n%s%s", strings.Join(args, " "), status, out, stderr)
	}
	return out
}

// TestTriggers: time, NATS, webhooks and CloudEvents wake a function that has no instance.
func TestTriggers(t *testing.T) {
	nats1 := freeAddress(t)
	p := boot(t, "--nats-listen", nats1, "--nats-token", "sesame")
	p.deploy(recorder(t), "rec")

	t.Run("cron", func(t *testing.T) {
		out := p.mustCLI("triggers", "put", "tick", "--function", "rec", "--cron", "@every 1s", "-o", "json")
		var made slipway.Trigger
		if err := json.Unmarshal([]byte(out), &made); err != nil || made.Type != slipway.TriggerCron || made.Cron.Missed != "skip" {
			t.Fatalf("%v: %s", err, out)
		}
		p.awaitGot("rec", "trigger=tick scheduled=20", 3)
		if list := p.mustCLI("triggers"); !strings.Contains(list, "tick") || !strings.Contains(list, "@every 1s UTC") || !strings.Contains(list, "ok") {
			t.Errorf("the list is\n%s", list)
		}
		p.mustCLI("triggers", "delete", "tick")
		lines := p.got("rec", "trigger=tick")
		seen := map[string]bool{}
		for _, line := range lines {
			if seen[line] {
				t.Errorf("twice: %s", line)
			}
			seen[line] = true
		}
	})
	t.Run("nats", func(t *testing.T) {
		p.mustCLI("triggers", "put", "orders", "--function", "rec", "--nats", "orders.*")
		if _, err := nats.Connect("nats://" + nats1); err == nil {
			t.Error("NATS takes connections without the token")
		}
		nc, err := nats.Connect("nats://sesame@" + nats1)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		testenv.Eventually(t, 10*time.Second, func() error {
			if err := nc.Publish("orders.new", []byte("order-7")); err != nil {
				return err
			}
			if len(p.got("rec", "order-7")) == 0 {
				return fmt.Errorf("no order came")
			}
			return nil
		})
	})
	t.Run("github", func(t *testing.T) {
		t.Setenv("SLIPWAY_WEBHOOK_SECRET", "a github secret")
		if shown := p.mustCLI("triggers", "put", "push", "--function", "rec", "--webhook", "--signature", "github", "-o", "json"); strings.Contains(shown, "a github secret") {
			t.Errorf("the secret is shown: %s", shown)
		}
		const body = `{"ref":"refs/heads/main"}`
		signature := "sha256=" + hmacHex("a github secret", body)
		res, answer := p.hook("push", "?x=1", body, "X-Hub-Signature-256", signature, "X-GitHub-Delivery", "one", "X-GitHub-Event", "push")
		if res.StatusCode != http.StatusAccepted {
			t.Fatalf("%s %s", res.Status, answer)
		}
		var first, second struct{ ID string }
		json.Unmarshal([]byte(answer), &first)
		_, answer = p.hook("push", "?x=1", body, "X-Hub-Signature-256", signature, "X-GitHub-Delivery", "one", "X-GitHub-Event", "push")
		json.Unmarshal([]byte(answer), &second)
		if first.ID == "" || first.ID != second.ID {
			t.Errorf("a delivery that is repeated is %q and %q", first.ID, second.ID)
		}
		line := p.awaitGot("rec", "github=push", 1)[0]
		if !strings.HasPrefix(line, "GOT POST /?x=1 trigger=push") || !strings.HasSuffix(line, body) {
			t.Errorf("it got %s", line)
		}
		res, answer = p.hook("push", "", body+" ", "X-Hub-Signature-256", signature)
		wantError(t, res, answer, http.StatusUnauthorized, "unauthorized", "signature is wrong")
		res, answer = p.hook("nobody", "", body)
		wantError(t, res, answer, http.StatusNotFound, "not_found", "no webhook")
	})
	t.Run("stripe", func(t *testing.T) {
		t.Setenv("SLIPWAY_WEBHOOK_SECRET", "whsec_stripe")
		p.mustCLI("triggers", "put", "paid", "--function", "rec", "--webhook", "--signature", "stripe")
		const body = `{"id":"evt_77","object":"event"}`
		send := func(at time.Time) *http.Response {
			moment := fmt.Sprint(at.Unix())
			res, _ := p.hook("paid", "", body, "Stripe-Signature", "t="+moment+",v1="+hmacHex("whsec_stripe", moment+"."+body))
			return res
		}
		if res := send(time.Now()); res.StatusCode != http.StatusAccepted {
			t.Errorf("now: %s", res.Status)
		}
		if res := send(time.Now().Add(-time.Hour)); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("an hour old: %s", res.Status)
		}
		p.awaitGot("rec", "evt_77", 1)
	})
	t.Run("standard webhooks, sync", func(t *testing.T) {
		key := []byte("sixteen bytes or more")
		t.Setenv("SLIPWAY_WEBHOOK_SECRET", "whsec_"+base64.StdEncoding.EncodeToString(key))
		p.mustCLI("triggers", "put", "now", "--function", "rec", "--webhook", "--signature", "slipway", "--sync")
		moment := fmt.Sprint(time.Now().Unix())
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("msg_1." + moment + ".hello"))
		res, answer := p.hook("now", "", "hello", "webhook-id", "msg_1", "webhook-timestamp", moment, "webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		if res.StatusCode != 200 || answer != "did hello" || res.Header.Get("Server-Timing") == "" {
			t.Errorf("%s %s", res.Status, answer)
		}
	})
	t.Run("cloudevents", func(t *testing.T) {
		p.mustCLI("triggers", "put", "ce", "--function", "rec", "--webhook")
		res, answer := p.hook("ce", "", `{"specversion":"1.0","id":"e-1","source":"/s","type":"order.paid","data":{"n":1}}`, "Content-Type", "application/cloudevents+json")
		if res.StatusCode != http.StatusAccepted {
			t.Errorf("structured: %s %s", res.Status, answer)
		}
		res, answer = p.hook("ce", "", `{"n":2}`, "Content-Type", "application/json", "ce-specversion", "1.0", "ce-id", "e-2", "ce-source", "/s", "ce-type", "order.sent")
		if res.StatusCode != http.StatusAccepted {
			t.Errorf("binary: %s %s", res.Status, answer)
		}
		if line := p.awaitGot("rec", "ce=order.paid/e-1", 1)[0]; !strings.HasSuffix(line, `{"n":1}`) {
			t.Errorf("structured became %s", line)
		}
		p.awaitGot("rec", "ce=order.sent/e-2", 1)
		res, answer = p.hook("ce", "", `{"specversion":"1.0","source":"/s","type":"t"}`, "Content-Type", "application/cloudevents+json")
		wantError(t, res, answer, http.StatusBadRequest, "invalid", "the attribute id")
	})
	t.Run("from zero", func(t *testing.T) {
		p.api("PUT", "/v1/functions/rec", `{"scaling":{"idle_timeout":"1s","idle_min":"1s"}}`)
		testenv.Eventually(t, 30*time.Second, func() error {
			if all := p.instances(t, "rec"); len(all) > 0 {
				return fmt.Errorf("there still is %+v", all)
			}
			return nil
		})
		p.hook("ce", "", "woken")
		p.awaitGot("rec", "woken", 1)
	})
	t.Run("by hand", func(t *testing.T) {
		p.mustCLI("triggers", "fire", "ce", "-d", "by hand")
		p.awaitGot("rec", "by hand", 1)
		if shown := p.mustCLI("triggers", "show", "ce"); !strings.Contains(shown, "/v1/hooks/default/ce") {
			t.Errorf("it is shown as\n%s", shown)
		}
		if status, _, stderr := p.cli("triggers", "put", "x", "--function", "rec", "--cron", "soon"); status != 1 || !strings.Contains(stderr, "cron.schedule") {
			t.Errorf("exit status %d, %s", status, stderr)
		}
		if status, _, stderr := p.cli("triggers", "put", "x", "--function", "nobody", "--cron", "@daily"); status != 1 || !strings.Contains(stderr, "deploy it first") {
			t.Errorf("exit status %d, %s", status, stderr)
		}
		if status, _, _ := p.cli("triggers", "put", "x", "--function", "rec"); status != 2 {
			t.Errorf("without a kind: exit status %d", status)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		_, body := p.api("GET", "/metrics", "")
		lintMetrics(t, body)
		for _, line := range []string{`slipway_events_total{function="rec",kind="async",outcome="ok",tenant="default"}`, `slipway_triggers_fired_total{tenant="default",trigger="push",type="webhook"}`,
			`slipway_triggers_failed_total{tenant="default",trigger="push",type="webhook"} 1`, `slipway_instances{function="rec"`, `slipway_async_outcomes_total{function="rec",state="succeeded",tenant="default"}`,
			`slipway_sandbox_starts_total{outcome="ok"}`, `slipway_invoker_up{`} {
			if !strings.Contains(body, line) {
				t.Errorf("/metrics lacks %s", line)
			}
		}
	})
}

// TestTriggersAfterKill: after kill -9 the schedule goes on, and what passed meanwhile is
// done as the trigger says, each time once.
func TestTriggersAfterKill(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	start := func() (*process, *platform) {
		server := startProcess(t, "serve", "--listen", "127.0.0.1:0", "--data", data)
		p := &platform{t: t, url: server.await("Slipway is ready at "), data: data}
		p.key = adminKey(t, data)
		return server, p
	}
	server, p := start()
	p.deploy(recorder(t), "rec")
	p.mustCLI("triggers", "put", "all", "--function", "rec", "--cron", "@every 1s", "--missed", "all")
	p.mustCLI("triggers", "put", "skip", "--function", "rec", "--cron", "@every 1h")
	p.awaitGot("rec", "trigger=all", 2)
	server.end(syscall.SIGKILL)
	time.Sleep(3 * time.Second) // the time that is missed has to pass
	_, p = start()
	before := time.Now()
	testenv.Eventually(t, 40*time.Second, func() error { // a time of after the restart was done
		times := p.handledTimes()
		if len(times) == 0 || times[len(times)-1].Before(before) {
			return fmt.Errorf("done are %v", times)
		}
		for i := 1; i < len(times); i++ {
			if gap := times[i].Sub(times[i-1]); gap != time.Second {
				return fmt.Errorf("between %v and %v there are %v", times[i-1], times[i], gap)
			}
		}
		return nil
	})
	p.mustCLI("triggers", "delete", "all")
	out := p.mustCLI("triggers", "show", "skip", "-o", "json")
	if !strings.Contains(out, "next_at") {
		t.Errorf("the schedule is gone: %s", out)
	}
}

// handledTimes are the times in the answers of the invocations that succeeded, in order:
// one for each invocation.
func (p *platform) handledTimes() []time.Time {
	p.t.Helper()
	_, body := p.api("GET", "/v1/invocations?function=rec&state=succeeded&limit=1000", "")
	var list struct{ Items []slipway.Invocation }
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		p.t.Fatalf("%v: %s", err, body)
	}
	var times []time.Time
	for _, i := range list.Items {
		_, body := p.api("GET", "/v1/invocations/"+i.ID, "")
		var one struct{ Result string }
		var event struct{ Time time.Time }
		if err := json.Unmarshal([]byte(body), &one); err != nil {
			p.t.Fatalf("%v: %s", err, body)
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(one.Result, "did ")), &event); err != nil {
			p.t.Fatalf("%v: %s", err, body)
		}
		times = append(times, event.Time)
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}
