package async

import (
	"context"
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
