package async

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/slipway-run/slipway"
)

// toFunction gives the record to another function as an event. Its id is made of the
// invocation, so that a delivery that is repeated is the same event.
func (e *Engine) toFunction(ctx context.Context, to slipway.Destination, i slipway.Invocation, event slipway.Event) error {
	depth := 0
	if v := event.Header[depthHeader]; len(v) > 0 {
		depth, _ = strconv.Atoi(v[0]) // what it does not say is 0
		depth = max(0, depth)
	}
	if depth >= maxDepth {
		return slipway.Errorf(slipway.ErrInvalid, "the event has come through %d destinations already; functions that are each other's would run for ever", depth)
	}
	doc, err := json.Marshal(newRecord(i, event))
	if err != nil {
		return err
	}
	ref := slipway.FunctionRef{Tenant: i.Tenant, Function: to.Function}
	_, err = e.Accept(ctx, slipway.Event{
		ID: slipway.EventID("destination", ref.Tenant, ref.Function, i.ID), Tenant: ref.Tenant, Function: ref.Function, Qualifier: to.Qualifier,
		Source: sourceDestination + i.Function, ContentType: "application/json", Payload: doc,
		Header: slipway.Header{depthHeader: {strconv.Itoa(depth + 1)}},
	})
	return err
}

// jobRecord is the most bytes of a record in the environment of a job.
const jobRecord = 32 << 10

// toQueue submits a job with the record in its environment. A record that does not fit
// goes without its payloads.
func (e *Engine) toQueue(ctx context.Context, to slipway.Destination, i slipway.Invocation, event slipway.Event) error {
	if e.parts.Jobs == nil {
		return slipway.Errorf(slipway.ErrUnavailable, "this server does not run jobs; the queue %q gets the outcome from one that does", to.Queue)
	}
	r := newRecord(i, event)
	doc, err := json.Marshal(r)
	if err == nil && len(doc) > jobRecord {
		r.RequestPayload, r.ResponsePayload = nil, nil
		doc, err = json.Marshal(r)
	}
	if err != nil {
		return err
	}
	_, err = e.parts.Jobs.Submit(ctx, i.Tenant, []slipway.JobRequest{{
		Name: "outcome-of-" + i.Function, Queue: to.Queue, Definition: to.Definition, IdempotencyKey: sourceDestination + i.ID,
		Parameters: map[string]string{"invocation": i.ID, "function": i.Function, "condition": r.RequestContext.Condition},
		Overrides: &slipway.JobOverrides{Env: map[string]string{
			"SLIPWAY_INVOCATION": i.ID, "SLIPWAY_FUNCTION": i.Function, "SLIPWAY_RECORD": string(doc),
		}},
	}})
	return err
}

// messageBytes is the most of a record in a message; NATS takes 1 MiB.
const messageBytes = 900 << 10

// toNATS sends the record to a subject.
func (e *Engine) toNATS(ctx context.Context, to slipway.Destination, i slipway.Invocation, event slipway.Event) error {
	doc, err := json.Marshal(newRecord(i, event))
	if err != nil {
		return err
	}
	if len(doc) > messageBytes {
		return slipway.Errorf(slipway.ErrTooLarge, "the record of the outcome is %d bytes; a message takes %d", len(doc), messageBytes)
	}
	return e.parts.Subjects.SendMessage(ctx, to.Subject, slipway.Header{
		"Content-Type": {"application/json"}, "Slipway-Invocation": {i.ID}, "Slipway-Function": {i.Function}, "Slipway-State": {string(i.State)},
		"Nats-Msg-Id": {i.ID}, // a stream that gets it twice within its window keeps one
	}, doc)
}
