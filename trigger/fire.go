package trigger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-run/slipway"
)

// The header fields that a function gets with the event of a trigger.
const (
	triggerHeader = "X-Slipway-Trigger"
	timeHeader    = "X-Slipway-Scheduled-Time" // of cron, RFC 3339
	subjectHeader = "X-Slipway-Subject"        // of NATS
)

// maxJobEvent is the most bytes of an event that a job gets, in its environment.
const maxJobEvent = 32 << 10

// occurrence is what set a trigger off.
type occurrence struct {
	id          string // of the event
	header      slipway.Header
	http        *slipway.EventHTTP
	contentType string
	payload     []byte
}

// fire gives the target of t its event. An error that lasting says so of will be there
// again the next time.
func (e *Engine) fire(ctx context.Context, t slipway.Trigger, o occurrence) (slipway.Firing, error) {
	firing := slipway.Firing{Trigger: t.Name}
	if t.Job != nil {
		job, err := e.submit(ctx, t, o)
		firing.Job = job
		return firing, err
	}
	event, err := e.event(t, o)
	if err == nil {
		err = e.events.Accept(ctx, event)
	}
	firing.Invocation = event.ID
	return firing, err
}

// event is what the function gets.
func (e *Engine) event(t slipway.Trigger, o occurrence) (slipway.Event, error) {
	if len(o.payload) > slipway.MaxAsyncPayload {
		return slipway.Event{}, slipway.Errorf(slipway.ErrTooLarge, "the event is %d bytes; at most %d are allowed", len(o.payload), slipway.MaxAsyncPayload)
	}
	header := slipway.Header{triggerHeader: {t.Name}}
	maps.Copy(header, o.header)
	return slipway.Event{
		ID: o.id, Tenant: t.Tenant, Function: t.Function, Qualifier: t.Qualifier, Source: "trigger:" + t.Name,
		ContentType: o.contentType, Header: header, HTTP: o.http,
		Payload: o.payload, Size: int64(len(o.payload)), AcceptedAt: e.cfg.Now().UTC(),
	}, nil
}

// submit submits the job of t, whose environment says what set it off.
func (e *Engine) submit(ctx context.Context, t slipway.Trigger, o occurrence) (id string, err error) {
	if e.jobs == nil {
		return "", slipway.Errorf(slipway.ErrInvalid, "job: this gateway takes no jobs")
	}
	if len(o.payload) > maxJobEvent || !utf8.Valid(o.payload) || strings.ContainsRune(string(o.payload), 0) {
		return "", slipway.Errorf(slipway.ErrTooLarge, "the event is %d bytes; a job gets text of at most %d in its environment, without zero bytes", len(o.payload), maxJobEvent)
	}
	request := *t.Job
	request.Name = cmp.Or(request.Name, t.Name)
	request.Queue = cmp.Or(request.Queue, slipway.DefaultQueue)
	request.IdempotencyKey = o.id
	overrides := slipway.JobOverrides{}
	if request.Overrides != nil {
		overrides = *request.Overrides
	}
	env := map[string]string{"SLIPWAY_TRIGGER": t.Name, "SLIPWAY_EVENT": string(o.payload)}
	if due := o.header[timeHeader]; len(due) > 0 {
		env["SLIPWAY_SCHEDULED_TIME"] = due[0]
	}
	maps.Copy(env, overrides.Env)
	overrides.Env = env
	request.Overrides = &overrides
	jobs, err := e.jobs.Submit(ctx, t.Tenant, []slipway.JobRequest{request})
	if err != nil || len(jobs) == 0 {
		return "", err
	}
	return jobs[0].ID, nil
}

// Fire sets a trigger off by hand, whether or not it is enabled. payload is the event; nil
// is what a cron trigger would send, or nothing.
func (e *Engine) Fire(ctx context.Context, ref slipway.TriggerRef, payload []byte, contentType string) (slipway.Firing, error) {
	t, err := e.store.Trigger(ctx, ref)
	if err != nil {
		return slipway.Firing{}, err
	}
	o := occurrence{id: slipway.NewID(), payload: payload, contentType: contentType}
	if t.Type == slipway.TriggerCron && len(payload) == 0 {
		o = scheduled(t, o.id, e.cfg.Now())
	}
	firing, err := e.fire(ctx, t, o)
	e.fired(t.Ref(), firing, err)
	return firing, err
}

// scheduled is the occurrence of a time.
func scheduled(t slipway.Trigger, id string, due time.Time) occurrence {
	text := due.UTC().Format(time.RFC3339)
	o := occurrence{id: id, header: slipway.Header{timeHeader: {text}}, contentType: "text/plain; charset=utf-8", payload: []byte(t.Payload)}
	if len(o.payload) == 0 {
		o.payload, _ = json.Marshal(map[string]string{"trigger": t.Name, "time": text}) // strings can be written
	}
	if json.Valid(o.payload) {
		o.contentType = "application/json"
	}
	return o
}

// once is the id of what sets t off once. A trigger that is deleted and made again is
// another one.
func once(t slipway.Trigger, kind string, parts ...string) string {
	return slipway.EventID(append([]string{"trigger", t.Tenant, t.Name, t.CreatedAt.UTC().Format(time.RFC3339Nano), kind}, parts...)...)
}

// lasting says whether trying the same again is of no use.
func lasting(err error) bool {
	for _, kind := range []error{slipway.ErrInvalid, slipway.ErrNotFound, slipway.ErrConflict, slipway.ErrTooLarge, slipway.ErrForbidden, slipway.ErrUnauthorized} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
