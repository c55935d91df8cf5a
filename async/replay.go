package async

import (
	"bytes"
	"context"
	"strconv"

	"github.com/slipway-run/slipway"
)

// Replay runs the event of an invocation that has its outcome once more, now and on a
// version if one is given, and puts the new outcome beside the recorded one. Nothing of
// it is recorded, delivered or retried.
func (e *Engine) Replay(ctx context.Context, tenant, id string, version int) (slipway.Replay, error) {
	i, err := e.Invocation(ctx, tenant, id)
	if err != nil {
		return slipway.Replay{}, err
	}
	if !i.State.Ended() {
		return slipway.Replay{}, slipway.Errorf(slipway.ErrConflict, "invocation %q is %s; only one that has its outcome can be replayed", id, i.State)
	}
	event, err := e.parts.Store.Event(ctx, tenant, id)
	if err != nil {
		return slipway.Replay{}, err
	}
	event.ID, event.Source = slipway.NewID(), sourceReplay+id
	if version > 0 {
		event.Qualifier = strconv.Itoa(version)
	}
	began := e.cfg.Now()
	o := e.attempt(ctx, event, 1)
	if o.platform != nil {
		return slipway.Replay{}, o.cause
	}
	o.outcome.Took = slipway.Duration(e.cfg.Now().Sub(began))
	return compare(recorded(i), o.outcome, id), nil
}

// recorded is the outcome of an invocation.
func recorded(i slipway.Invocation) slipway.Outcome {
	o := slipway.Outcome{
		Version: i.Version, State: i.State, Result: i.Result, ResultType: i.ResultType, ResultError: i.ResultError,
		Base64: i.Base64, Error: i.Error, LogTail: i.LogTail,
	}
	if n := len(i.Attempts); n > 0 && i.Attempts[n-1].EndedAt != nil {
		o.Took = slipway.Duration(i.Attempts[n-1].EndedAt.Sub(i.Attempts[n-1].StartedAt))
	}
	return o
}

// compare puts two outcomes side by side. Logs, versions and times may differ.
func compare(a, b slipway.Outcome, id string) slipway.Replay {
	r := slipway.Replay{Invocation: id, Recorded: a, Replayed: b}
	var d diff
	d.text("state", string(a.State), string(b.State))
	d.text("error type", errorType(a), errorType(b))
	d.text("error message", errorMessage(a), errorMessage(b))
	d.text("result error", a.ResultError, b.ResultError)
	if a.Base64 || b.Base64 {
		if !bytes.Equal(a.Result, b.Result) {
			d.line("result: the bytes differ")
		}
	} else {
		d.documents("result", a.Result, b.Result)
	}
	r.Diff, r.Equal = d.String(), d.equal()
	return r
}

func errorType(o slipway.Outcome) string {
	if o.Error == nil {
		return ""
	}
	return o.Error.Type
}

func errorMessage(o slipway.Outcome) string {
	if o.Error == nil {
		return ""
	}
	return o.Error.Message
}
