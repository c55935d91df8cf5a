package trigger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// Each refusal names its field.
func TestPutRefuses(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", false)
	natsOf := func(tenant, subject, stream string) slipway.Trigger {
		return slipway.Trigger{Tenant: tenant, Name: "x", Type: slipway.TriggerNATS, Function: "f", NATS: &slipway.NATSTrigger{Subject: subject, Stream: stream}}
	}
	change := func(t slipway.Trigger, f func(*slipway.Trigger)) slipway.Trigger { f(&t); return t }
	good := func() slipway.Trigger { return cron("x", "@daily", "") }
	for field, bad := range map[string]slipway.Trigger{
		"trigger":          change(good(), func(t *slipway.Trigger) { t.Name = "A b" }),
		"function or job":  change(good(), func(t *slipway.Trigger) { t.Function = "" }),
		"function and job": change(good(), func(t *slipway.Trigger) { t.Job = &slipway.JobRequest{Definition: "d"} }),
		"job.definition":   change(good(), func(t *slipway.Trigger) { t.Function, t.Job = "", &slipway.JobRequest{} }),
		"job.idempotency_key": change(good(), func(t *slipway.Trigger) {
			t.Function, t.Job = "", &slipway.JobRequest{Definition: "d", IdempotencyKey: "k"}
		}),
		"qualifier": change(good(), func(t *slipway.Trigger) {
			t.Function, t.Qualifier, t.Job = "", "live", &slipway.JobRequest{Definition: "d"}
		}),
		"type":                    change(good(), func(t *slipway.Trigger) { t.Type = "http" }),
		"webhook: a trigger":      change(good(), func(t *slipway.Trigger) { t.Type = slipway.TriggerWebhook }),
		"nats: not allowed":       change(good(), func(t *slipway.Trigger) { t.NATS = &slipway.NATSTrigger{} }),
		"cron.schedule":           cron("x", "soon", ""),
		"cron.missed":             cron("x", "@daily", "maybe"),
		"cron.max_late":           change(good(), func(t *slipway.Trigger) { t.Cron.MaxLate = slipway.Duration(200 * 24 * time.Hour) }),
		"cron.time_zone":          change(good(), func(t *slipway.Trigger) { t.Cron.TimeZone = "Moon" }),
		"payload":                 change(good(), func(t *slipway.Trigger) { t.Payload = strings.Repeat("x", 300<<10) }),
		"payload: not allowed":    change(webhook("x", "none", ""), func(t *slipway.Trigger) { t.Payload = "x" }),
		"webhook.signature":       webhook("x", "md5", "long enough"),
		"webhook.secret: 5 bytes": webhook("x", "github", "short"),
		"webhook.secret: 0 bytes": webhook("x", "stripe", ""),
		"webhook.secret: not":     webhook("x", "none", "long enough"),
		"webhook.secret: what":    webhook("x", "slipway", "whsec_!!!!!!!!"),
		"webhook.sync": change(webhook("x", "none", ""), func(t *slipway.Trigger) {
			t.Webhook.Sync, t.Function, t.Job = true, "", &slipway.JobRequest{Definition: "d"}
		}),
		"nats.subject: \"\"":         natsOf("default", "", ""),
		"nats.subject: \"a..b\"":     natsOf("default", "a..b", ""),
		"nats.subject: \"a.>.b\"":    natsOf("default", "a.>.b", ""),
		"nats.subject: \"a b\"":      natsOf("default", "a b", ""),
		"nats.subject: \"a.b*\"":     natsOf("default", "a.b*", ""),
		"nats.subject: \">\"":        natsOf("default", ">", ""),
		"nats.subject: \"*.x\"":      natsOf("default", "*.x", ""),
		"nats.subject: \"slipway.\"": natsOf("default", "slipway.", ""),
		"nats.subject: \"slipway.x":  natsOf("default", "slipway.x", ""),
		"nats.subject: \"$JS.API.>":  natsOf("default", "$JS.API.>", ""),
		"nats.subject: \"_INBOX.x":   natsOf("default", "_INBOX.x", ""),
		"nats.subject: \"team-b.x":   natsOf("team-a", "team-b.x", ""),
		"nats.subject: \"team-a\"":   natsOf("team-a", "team-a", ""),
		"nats.stream":                natsOf("default", "a.b", "A.B"),
	} {
		_, _, err := e.Put(t.Context(), bad)
		if !errors.Is(err, slipway.ErrInvalid) || !strings.HasPrefix(err.Error(), field) && !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, _, err := w.store.PutTenant(t.Context(), slipway.Tenant{Name: "team-a"})
	must(t, err)
	if _, _, err := e.Put(t.Context(), natsOf("team-a", "team-a.orders.*", "")); err != nil {
		t.Errorf("a subject of the tenant's own: %v", err)
	}
}

// A tenant has so many triggers; with all of them it can still change and delete.
func TestMaxTriggers(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", false)
	for i := range 1000 {
		one := webhook(fmt.Sprint("t", i), "none", "")
		_, _, err := w.store.PutTrigger(t.Context(), one.Ref(), func(*slipway.Trigger) (slipway.Trigger, error) { return one, nil })
		must(t, err)
	}
	if _, _, err := e.Put(t.Context(), webhook("more", "none", "")); !errors.Is(err, slipway.ErrConflict) {
		t.Errorf("one more: %v", err)
	}
	_, _, err := e.Put(t.Context(), webhook("t0", "none", ""))
	must(t, err)
	must(t, e.Delete(t.Context(), ref("t1")))
	_, _, err = e.Put(t.Context(), webhook("more", "none", ""))
	must(t, err)
}
