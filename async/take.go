package async

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

// takeAgain is the pause after the stream could not be read.
const takeAgain = time.Second

// take moves accepted events from the stream into the store until ctx ends.
func (e *Engine) take(ctx context.Context) {
	for ctx.Err() == nil {
		if err := e.parts.Intake.Take(ctx, e.keep); err != nil && ctx.Err() == nil {
			e.log.Warn("taking accepted events; trying again", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(takeAgain):
			}
		}
	}
}

// keep writes events into the store. From then on their rows are the truth.
func (e *Engine) keep(ctx context.Context, events []slipway.Event) error {
	err := e.parts.Store.AddInvocations(ctx, events, func(ref slipway.FunctionRef) time.Duration {
		return e.settings(ctx, ref, "").MaxAge.D()
	})
	if errors.Is(err, slipway.ErrInvalid) {
		return e.keepWritable(ctx, events, err)
	}
	if err != nil {
		return err
	}
	for _, event := range events {
		due := event.AcceptedAt
		if event.NotBefore != nil {
			due = *event.NotBefore
		}
		e.queues.hint(event.Ref(), due)
	}
	e.pending.ring()
	return nil
}

// keepWritable keeps events one by one, because the store refuses one of them for what is
// in it. Accept lets no such event in; if one is there all the same, it must not hold up
// the others for ever.
func (e *Engine) keepWritable(ctx context.Context, events []slipway.Event, cause error) error {
	if len(events) == 1 {
		e.log.Error("an event cannot be written and is lost", "tenant", events[0].Tenant, "function", events[0].Function, "invocation", events[0].ID, "err", cause)
		return nil
	}
	for i := range events {
		if err := e.keep(ctx, events[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}
