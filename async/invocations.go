package async

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/slipway-run/slipway"
)

// settleTime is how long a question waits for events that are accepted and not in the
// store yet.
const settleTime = 5 * time.Second

// Invocation is one invocation of a tenant: from the moment that Accept has returned, at
// every gateway.
func (e *Engine) Invocation(ctx context.Context, tenant, id string) (slipway.Invocation, error) {
	i, err := e.parts.Store.Invocation(ctx, tenant, id)
	if !errors.Is(err, slipway.ErrNotFound) {
		return i, err
	}
	if err := e.settle(ctx); err != nil {
		return i, err
	}
	return e.parts.Store.Invocation(ctx, tenant, id)
}

// settle waits until what was accepted is in the store.
func (e *Engine) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	err := e.parts.Intake.Settle(ctx)
	if errors.Is(err, slipway.ErrTimeout) {
		return &slipway.Error{Kind: slipway.ErrUnavailable, RetryAfter: time.Second, Cause: err,
			Message: "the invocation is not recorded; accepted events still wait to be: try again"}
	}
	return err
}

// Invocations lists the invocations of a tenant.
func (e *Engine) Invocations(ctx context.Context, tenant string, f slipway.InvocationFilter, page slipway.Page) (slipway.List[slipway.Invocation], error) {
	return e.parts.Store.Invocations(ctx, tenant, f, page)
}

// Payload is the event of an invocation as it was accepted; the caller closes the body.
func (e *Engine) Payload(ctx context.Context, tenant, id string) (slipway.Event, io.ReadCloser, error) {
	if _, err := e.Invocation(ctx, tenant, id); err != nil {
		return slipway.Event{}, nil, err
	}
	event, err := e.parts.Store.Event(ctx, tenant, id)
	if err != nil {
		return event, nil, err
	}
	body, err := e.payload(ctx, event)
	return event, body, err
}

// Cancel ends an invocation: at once when it is queued, else as soon as the engine that
// has it hears of it, within a second or two. It gives the invocation as it is then.
func (e *Engine) Cancel(ctx context.Context, tenant, id string) (slipway.Invocation, error) {
	if _, err := e.Invocation(ctx, tenant, id); err != nil {
		return slipway.Invocation{}, err
	}
	if err := e.parts.Store.CancelInvocation(ctx, tenant, id); err != nil {
		return slipway.Invocation{}, err
	}
	if e.running.cancel(id) {
		return e.parts.Store.Invocation(ctx, tenant, id)
	}
	i, err := e.parts.Store.Invocation(ctx, tenant, id)
	if err != nil || i.State != slipway.InvocationQueued {
		return i, err
	}
	_, err = e.parts.Store.EndTurns(ctx, []slipway.TurnEnd{{
		ID: id, Attempt: lastAttempt(i), State: slipway.InvocationCancelled, At: e.cfg.Now(),
		Error: &slipway.InvocationError{Type: "cancelled", Message: errCancelled.Error(), Platform: true},
	}})
	if err != nil {
		return i, err
	}
	return e.parts.Store.Invocation(ctx, tenant, id) // cancelled, or meanwhile begun and marked
}

// lastAttempt is the number of the last attempt that was begun.
func lastAttempt(i slipway.Invocation) int {
	last := 0
	for _, a := range i.Attempts {
		last = max(last, a.Attempt)
	}
	return last
}

// Redrive gives the event of an invocation that failed, expired or was cancelled another
// life, as a new invocation.
func (e *Engine) Redrive(ctx context.Context, tenant, id string) (slipway.Invocation, error) {
	old, err := e.Invocation(ctx, tenant, id)
	if err != nil {
		return old, err
	}
	ref := slipway.FunctionRef{Tenant: tenant, Function: old.Function}
	s, err := e.parts.Functions.AsyncSettings(ctx, ref, old.Qualifier)
	if err != nil {
		return old, err
	}
	fresh := slipway.NewID()
	if err := e.parts.Store.Redrive(ctx, tenant, id, fresh, s.MaxAge.D()); err != nil {
		return old, err
	}
	e.queues.hint(ref, e.cfg.Now())
	e.pending.ring()
	return e.parts.Store.Invocation(ctx, tenant, fresh)
}

// maxRedrive is the most that one call redrives, so that it ends.
const maxRedrive = 10_000

// RedriveAll redrives the failed and expired invocations of a function that were not yet,
// oldest first. more says that there are others.
func (e *Engine) RedriveAll(ctx context.Context, ref slipway.FunctionRef) (n int, more bool, err error) {
	s, err := e.parts.Functions.AsyncSettings(ctx, ref, "")
	if err != nil {
		return 0, false, err
	}
	const part = 500
	for n < maxRedrive {
		some, err := e.parts.Store.RedriveDead(ctx, ref, s.MaxAge.D(), part)
		n += some
		if some > 0 {
			e.queues.hint(ref, e.cfg.Now())
			e.pending.ring()
		}
		if err != nil || some < part {
			return n, false, err
		}
	}
	return n, true, nil
}
