package trigger

import (
	"context"
	"encoding/json"
	"maps"
	"mime"
	"strings"

	"github.com/slipway-run/slipway"
)

// maxEvents is the most CloudEvents in one batch.
const maxEvents = 1000

// Known says whether there is a webhook of that name, before its body is read.
func (e *Engine) Known(ref slipway.TriggerRef) error {
	if a := e.all()[ref]; a == nil || a.Type != slipway.TriggerWebhook {
		return slipway.Errorf(slipway.ErrNotFound, "there is no webhook %q of tenant %q, or it is not enabled", ref.Name, ref.Tenant)
	}
	return nil
}

// Hook takes a request to a webhook. When it returns firings, each is durable. With Sync
// the caller runs the event.
func (e *Engine) Hook(ctx context.Context, r slipway.HookRequest) (slipway.HookAnswer, error) {
	var answer slipway.HookAnswer
	if err := e.Known(r.TriggerRef); err != nil {
		return answer, err
	}
	t := e.all()[r.TriggerRef].Trigger
	delivery, err := verifiers[t.Webhook.Signature](r, t.Webhook.Secret, e.cfg.Now())
	if err != nil {
		e.count(t.Ref(), err)
		return answer, err
	}
	all, err := occurrences(t, r, delivery)
	if err == nil && t.Webhook.Sync {
		return e.hookSync(t, all)
	}
	for _, o := range all {
		firing, fireErr := e.fire(ctx, t, o)
		e.fired(t.Ref(), firing, fireErr)
		if fireErr != nil { // the sender repeats all of it, and what was accepted stays one
			return answer, fireErr
		}
		answer.Firings = append(answer.Firings, firing)
	}
	if err != nil {
		e.fired(t.Ref(), slipway.Firing{}, err)
	}
	return answer, err
}

// hookSync gives the one event that the caller runs.
func (e *Engine) hookSync(t slipway.Trigger, all []occurrence) (slipway.HookAnswer, error) {
	if len(all) != 1 {
		return slipway.HookAnswer{}, slipway.Errorf(slipway.ErrInvalid, "cloudevents: a batch of %d has no one answer; send one event, or take sync off the trigger", len(all))
	}
	event, err := e.event(t, all[0])
	event.ID = slipway.NewID() // each request is run: who asks again wants an answer again
	return slipway.HookAnswer{Sync: &event}, err
}

// HookDone records what came of an event that the caller ran.
func (e *Engine) HookDone(event slipway.Event, err error) {
	ref := slipway.TriggerRef{Tenant: event.Tenant, Name: strings.TrimPrefix(event.Source, "trigger:")}
	e.fired(ref, slipway.Firing{Trigger: ref.Name, Invocation: event.ID}, err)
}

// occurrences are the events in a request: CloudEvents in one of their forms, else the
// request itself. delivery names it; "" makes every request another one.
func occurrences(t slipway.Trigger, r slipway.HookRequest, delivery string) ([]occurrence, error) {
	media, params, _ := mime.ParseMediaType(field(r, "Content-Type"))
	if strings.HasPrefix(media, "application/cloudevents") {
		if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
			return nil, slipway.Errorf(slipway.ErrInvalid, "cloudevents: the charset %q is not supported; send UTF-8", charset)
		}
		return structured(t, media, r)
	}
	if slipway.IsCloudEvent(r.Header) {
		event, err := slipway.BinaryCloudEvent(r.Header, r.Body)
		if err != nil {
			return nil, err
		}
		return []occurrence{ofCloudEvent(t, event, r)}, nil
	}
	o := occurrence{id: slipway.NewID(), header: passed(r.Header), contentType: field(r, "Content-Type"), payload: r.Body,
		http: &slipway.EventHTTP{Method: r.Method, Target: r.Target, Host: r.Host, RemoteAddr: r.RemoteAddr}}
	if delivery != "" {
		o.id = once(t, "delivery", delivery)
	}
	return []occurrence{o}, nil
}

// structured reads one event, or a batch. All of a batch are checked before any is taken.
func structured(t slipway.Trigger, media string, r slipway.HookRequest) ([]occurrence, error) {
	var events []slipway.CloudEvent
	var err error
	switch media {
	case slipway.CloudEventType:
		events = make([]slipway.CloudEvent, 1)
		err = readJSON(r.Body, &events[0])
	case slipway.CloudEventsType:
		err = readJSON(r.Body, &events)
	default:
		return nil, slipway.Errorf(slipway.ErrInvalid, "cloudevents: the format %q is not supported; send %s, %s or the binary mode", media, slipway.CloudEventType, slipway.CloudEventsType)
	}
	if err != nil {
		return nil, err
	}
	if len(events) > maxEvents {
		return nil, slipway.Errorf(slipway.ErrTooLarge, "cloudevents: a batch of %d events; at most %d are allowed", len(events), maxEvents)
	}
	all := make([]occurrence, len(events))
	for i, event := range events {
		if event.Attributes == nil { // null in a batch
			return nil, slipway.Errorf(slipway.ErrInvalid, "cloudevent: a JSON object is expected")
		}
		all[i] = ofCloudEvent(t, event, r)
	}
	return all, nil
}

func readJSON(doc []byte, v any) error {
	err := json.Unmarshal(doc, v)
	if err == nil || slipway.Code(err) != "internal" {
		return err
	}
	return slipway.Errorf(slipway.ErrInvalid, "cloudevents: %w", err)
}

// ofCloudEvent is the occurrence of an event: source and id name it, as the specification
// says. Functions get it in the binary form.
func ofCloudEvent(t slipway.Trigger, event slipway.CloudEvent, r slipway.HookRequest) occurrence {
	header := slipway.Header{}
	for name, values := range passed(r.Header) { // traces and what else is about the request
		if !strings.HasPrefix(name, "Ce-") && name != "Content-Type" && name != "Content-Encoding" {
			header[name] = values
		}
	}
	maps.Copy(header, event.Header())
	return occurrence{id: once(t, "cloudevent", event.Attribute("source"), event.Attribute("id")),
		header: header, contentType: event.DataType, payload: event.Data}
}

// notPassed are the fields of a request that say nothing to a function: they belong to the
// connection, or are set anew.
var notPassed = map[string]bool{"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Transfer-Encoding": true, "Te": true,
	"Trailer": true, "Upgrade": true, "Content-Length": true, "Expect": true, "Host": true, "Proxy-Authorization": true}

// platformHeader begins the fields by which the platform tells a function about its event.
const platformHeader = "X-Slipway-"

// passed is what a function gets of a request's header. A key of the platform, which
// somebody sent along, is no business of it.
func passed(h slipway.Header) slipway.Header {
	out := make(slipway.Header, len(h))
	for name, values := range h {
		if !notPassed[name] && !strings.HasPrefix(name, platformHeader) {
			out[name] = values
		}
	}
	if auth := out["Authorization"]; len(auth) > 0 && strings.Contains(auth[0], " slipway_") {
		delete(out, "Authorization")
	}
	return out
}
