package invoker

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

// maxTries is how many instances an event is offered to when each had ended by itself
// just before.
const maxTries = 3

// Invoke runs one event to its end. The error is the platform's, of a root kind;
// whatever the function did wrong is in the Response.
func (i *Invoker) Invoke(ctx context.Context, req *slipway.Request) (*slipway.Response, error) {
	if i.draining.Load() {
		return nil, errDraining()
	}
	if !req.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, req.Deadline)
		resp, err := i.invoke(ctx, req)
		return untilClosed(resp, cancel), err
	}
	return i.invoke(ctx, req)
}

func (i *Invoker) invoke(ctx context.Context, req *slipway.Request) (*slipway.Response, error) {
	spec, err := i.specs.get(ctx, req.Version)
	if err != nil {
		return nil, err
	}
	var resp *slipway.Response
	for range maxTries {
		if resp, err = i.lend(ctx, spec, req); !errors.Is(err, errGone) {
			break
		}
	}
	switch {
	case err == nil:
		return resp, nil
	case errors.Is(err, errGone):
		return nil, unavailable("the instances of function %q end as soon as they are ready; see its logs", spec.Function)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, slipway.Errorf(slipway.ErrTimeout, "no answer of function %q within the time that the caller waits", spec.Function)
	}
	return failedStart(err)
}

// lend gives req to an instance.
func (i *Invoker) lend(ctx context.Context, spec slipway.Spec, req *slipway.Request) (*slipway.Response, error) {
	lease, err := i.pool.Acquire(ctx, spec, req.Limit)
	if err != nil {
		return nil, err
	}
	in, ok := lease.Instance.(*instance)
	if !ok || in.runner == nil {
		lease.Release(false)
		return nil, errGone
	}
	began := time.Now()
	turn := in.take(wantsTail(req), lease.Release)
	resp, err := in.runner.run(ctx, req, turn.end)
	if err != nil {
		return nil, err
	}
	resp.Used = turn.usage()
	if resp.FunctionError == nil {
		resp.LogTail = turn.log()
	}
	resp.Instance, resp.ColdStart = in.id, lease.Cold
	resp.Phases = slipway.Phases{Queue: lease.Queue, Start: lease.Start, Run: time.Since(began)}
	return resp, nil
}

// failedStart is the outcome of an event for which no instance could be started: a
// function error when the user's code is to blame.
func failedStart(err error) (*slipway.Response, error) {
	var start *startError
	if !errors.As(err, &start) {
		return nil, err
	}
	return &slipway.Response{FunctionError: start.failure, LogTail: start.tail, ColdStart: true}, nil
}

// untilClosed keeps a context until the body of the answer is closed.
func untilClosed(resp *slipway.Response, cancel context.CancelFunc) *slipway.Response {
	if resp == nil || resp.Body == nil {
		cancel()
		return resp
	}
	body := resp.Body
	resp.Body = readCloser{body, closerFunc(func() error {
		defer cancel()
		return body.Close()
	})}
	return resp
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

func errDraining() error { return unavailable("this invoker is shutting down; try again") }

func unavailable(format string, args ...any) error {
	err := slipway.Errorf(slipway.ErrUnavailable, format, args...)
	err.RetryAfter = time.Second
	return err
}
