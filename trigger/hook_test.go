package trigger_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

func webhook(name, signature, secret string) slipway.Trigger {
	return slipway.Trigger{Tenant: slipway.DefaultTenant, Name: name, Type: slipway.TriggerWebhook, Enabled: true, Function: "f",
		Webhook: &slipway.WebhookTrigger{Signature: signature, Secret: secret}}
}

func request(name, body string, header ...string) slipway.HookRequest {
	r := slipway.HookRequest{TriggerRef: ref(name), Method: "POST", Target: "/?a=b", Host: "example.org", RemoteAddr: "192.0.2.1:1", Header: slipway.Header{}, Body: []byte(body)}
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = append(r.Header[header[i]], header[i+1])
	}
	return r
}

func githubSignature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestHook(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	_, _, err := e.Put(t.Context(), webhook("push", "github", "a good secret"))
	must(t, err)
	body := `{"ref":"main"}`
	r := request("push", body, "X-Hub-Signature-256", githubSignature("a good secret", body), "X-Github-Delivery", "d-1", "X-Github-Event", "push", "Connection", "close", "Content-Type", "application/json",
		"X-Slipway-Depth", "-1000000", "X-Slipway-Trigger", "another")
	first, err := e.Hook(t.Context(), r)
	must(t, err)
	again, err := e.Hook(t.Context(), r) // GitHub delivers once more
	must(t, err)
	if len(first.Firings) != 1 || len(again.Firings) != 1 || first.Firings[0].Invocation != again.Firings[0].Invocation {
		t.Errorf("firings %+v and %+v, want the same invocation", first, again)
	}
	got := w.wantEvents(1)[0]
	if string(got.Payload) != body || got.HTTP == nil || got.HTTP.Method != "POST" || got.HTTP.Target != "/?a=b" ||
		got.Header["X-Github-Event"][0] != "push" || got.Header["X-Slipway-Trigger"][0] != "push" || got.Header["Connection"] != nil || got.Header["X-Slipway-Depth"] != nil || got.ContentType != "application/json" {
		t.Errorf("the event is %+v", got)
	}
	for auth, want := range map[string]int{"Bearer slipway_abc": 0, "Basic abc": 1} {
		r.Header["Authorization"], r.Header["X-Github-Delivery"] = []string{auth}, []string{auth}
		_, err := e.Hook(t.Context(), r)
		must(t, err)
		all := w.taker.taken()
		if got := all[len(all)-1].Header["Authorization"]; len(got) != want {
			t.Errorf("of %q the function gets %q", auth, got)
		}
	}
	r.Header["X-Hub-Signature-256"] = []string{githubSignature("another secret", body)}
	if _, err := e.Hook(t.Context(), r); !errors.Is(err, slipway.ErrUnauthorized) {
		t.Errorf("a wrong signature: %v", err)
	}
	testenv.Eventually(t, patience, func() error {
		if s := w.status("push"); s.Fired != 4 || s.LastResult == "" || s.LastError != "" {
			return fmt.Errorf("status %+v", s)
		}
		return nil
	})
	if c := e.Counts(); c[0].Fired != 4 || c[0].Failed != 1 {
		t.Errorf("counts %+v", c)
	}
}

func TestHookSecretStaysSecret(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	stored, _, err := e.Put(t.Context(), webhook("push", "github", "a good secret"))
	must(t, err)
	changed, _, err := e.Put(t.Context(), webhook("push", "github", ""))
	must(t, err)
	shown, err := e.Trigger(t.Context(), ref("push"))
	must(t, err)
	list, err := e.Triggers(t.Context(), slipway.DefaultTenant, slipway.Page{})
	must(t, err)
	for _, one := range []slipway.Trigger{stored, changed, shown, list.Items[0]} {
		if one.Webhook.Secret != "" || !one.Webhook.HasSecret {
			t.Errorf("shown as %+v", one.Webhook)
		}
	}
	if _, err := e.Hook(t.Context(), request("push", "x", "X-Hub-Signature-256", githubSignature("a good secret", "x"))); err != nil {
		t.Errorf("the secret has gone: %v", err)
	}
}

func TestHookUnknown(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	off := webhook("off", "none", "")
	off.Enabled = false
	for _, one := range []slipway.Trigger{off, cron("time", "@daily", "")} {
		_, _, err := e.Put(t.Context(), one)
		must(t, err)
	}
	for _, name := range []string{"nobody", "off", "time"} {
		if _, err := e.Hook(t.Context(), request(name, "")); !errors.Is(err, slipway.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := request("off", "")
	other.Tenant = "other"
	if err := e.Known(other.TriggerRef); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("another tenant's: %v", err)
	}
}

func TestHookCloudEvents(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	_, _, err := e.Put(t.Context(), webhook("ce", "none", ""))
	must(t, err)
	hook := func(r slipway.HookRequest) []slipway.Firing {
		t.Helper()
		answer, err := e.Hook(t.Context(), r)
		must(t, err)
		return answer.Firings
	}
	const structured = `{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"é","datacontenttype":"application/json","data":{"a":1}}`
	first := hook(request("ce", structured, "Content-Type", "application/cloudevents+json; charset=UTF-8", "Traceparent", "tp"))
	second := hook(request("ce", `{"a":1}`, "Content-Type", "application/json", "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "t"))
	if first[0].Invocation != second[0].Invocation {
		t.Errorf("the same event in two forms is %v and %v", first, second)
	}
	batch := hook(request("ce", "["+structured+`,{"specversion":"1.0","id":"2","source":"/s","type":"t"}]`, "Content-Type", "application/cloudevents-batch+json"))
	if len(batch) != 2 || batch[0].Invocation != first[0].Invocation {
		t.Errorf("a batch is %v", batch)
	}
	if empty := hook(request("ce", "[]", "Content-Type", "application/cloudevents-batch+json")); len(empty) != 0 {
		t.Errorf("an empty batch is %v", empty)
	}
	got := w.wantEvents(2)[0]
	if got.HTTP != nil || string(got.Payload) != `{"a":1}` || got.Header["Ce-Id"][0] != "1" || got.Header["Ce-Subject"][0] != "%C3%A9" || got.Header["Content-Type"][0] != "application/json" || got.Header["Traceparent"][0] != "tp" {
		t.Errorf("the event is %+v", got)
	}
	for name, r := range map[string]slipway.HookRequest{
		"no id":          request("ce", `{"specversion":"1.0","source":"/s","type":"t"}`, "Content-Type", "application/cloudevents+json"),
		"no json":        request("ce", `{`, "Content-Type", "application/cloudevents+json"),
		"xml":            request("ce", `<x/>`, "Content-Type", "application/cloudevents+xml"),
		"charset":        request("ce", structured, "Content-Type", "application/cloudevents+json; charset=latin1"),
		"one bad of two": request("ce", "["+structured+`,{"specversion":"1.0","id":"3"}]`, "Content-Type", "application/cloudevents-batch+json"),
		"null of two":    request("ce", "["+structured+`,null]`, "Content-Type", "application/cloudevents-batch+json"),
		"binary":         request("ce", `{}`, "Ce-Specversion", "1.0", "Ce-Id", "1"),
		"twice":          request("ce", `{}`, "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Id", "2", "Ce-Source", "/s", "Ce-Type", "t"),
	} {
		if _, err := e.Hook(t.Context(), r); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := e.Hook(t.Context(), request("ce", "["+strings.Repeat(structured+",", 1000)+structured+"]", "Content-Type", "application/cloudevents-batch+json")); !errors.Is(err, slipway.ErrTooLarge) {
		t.Errorf("a batch that is too large: %v", err)
	}
	w.wantEvents(2)
}

func TestHookSync(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	sync := webhook("now", "none", "")
	sync.Webhook.Sync = true
	_, _, err := e.Put(t.Context(), sync)
	must(t, err)
	answer, err := e.Hook(t.Context(), request("now", "x"))
	must(t, err)
	if answer.Sync == nil || answer.Firings != nil || answer.Sync.Function != "f" || string(answer.Sync.Payload) != "x" {
		t.Errorf("the answer is %+v", answer)
	}
	e.HookDone(*answer.Sync, nil)
	if c := e.Counts(); c[0].Fired != 1 {
		t.Errorf("counts %+v", c)
	}
	const two = `[{"specversion":"1.0","id":"1","source":"/s","type":"t"},{"specversion":"1.0","id":"2","source":"/s","type":"t"}]`
	if _, err := e.Hook(t.Context(), request("now", two, "Content-Type", "application/cloudevents-batch+json")); !errors.Is(err, slipway.ErrInvalid) {
		t.Errorf("a batch: %v", err)
	}
	w.wantEvents(0)
}

// What was not taken durably is not confirmed.
func TestHookIsNotConfirmedTooSoon(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	_, _, err := e.Put(t.Context(), webhook("push", "none", ""))
	must(t, err)
	w.taker.refuse(slipway.Errorf(slipway.ErrUnavailable, "no"))
	if _, err := e.Hook(t.Context(), request("push", "x", "Idempotency-Key", "k")); !errors.Is(err, slipway.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	w.taker.refuse(nil)
	for range 2 {
		_, err = e.Hook(t.Context(), request("push", "x", "Idempotency-Key", "k"))
		must(t, err)
	}
	w.wantEvents(1)
}

func TestFireByHand(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	off := cron("tick", "@yearly", "")
	off.Enabled, off.Payload = false, `{"x":1}`
	for _, one := range []slipway.Trigger{off, webhook("push", "github", "a good secret")} {
		_, _, err := e.Put(t.Context(), one)
		must(t, err)
	}
	for range 2 {
		_, err := e.Fire(t.Context(), ref("tick"), nil, "")
		must(t, err)
	}
	_, err := e.Fire(t.Context(), ref("push"), []byte("body"), "text/plain")
	must(t, err)
	events := w.wantEvents(3)
	if string(events[0].Payload) != `{"x":1}` || string(events[2].Payload) != "body" {
		t.Errorf("events %+v", events)
	}
	if _, err := e.Fire(t.Context(), ref("nobody"), nil, ""); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("nobody's: %v", err)
	}
}

// Another gateway's webhooks are known soon after they were made, and gone soon after.
func TestOtherGatewaysHooks(t *testing.T) {
	w := newWorld(t, sqlite(t))
	a, b := w.engine("a", true), w.engine("b", true)
	testenv.Eventually(t, patience, func() error { // b watches from some moment on
		_, _, err := a.Put(t.Context(), webhook("push", "none", ""))
		must(t, err)
		return b.Known(ref("push"))
	})
	must(t, a.Delete(t.Context(), ref("push")))
	testenv.Eventually(t, patience, func() error {
		if err := b.Known(ref("push")); err == nil {
			return errors.New("it is still known")
		}
		return nil
	})
}

func TestStatusIsWrittenWhenItStops(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	_, _, err := e.Put(t.Context(), webhook("push", "none", ""))
	must(t, err)
	for range 5 {
		_, err = e.Hook(context.Background(), request("push", "x"))
		must(t, err)
	}
	e.stop()
	if s := w.status("push"); s.Fired != 5 || s.LastFired == nil || s.LastFired.After(time.Now()) {
		t.Errorf("status %+v", s)
	}
}
