package async

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/slipway-run/slipway"
)

// ending is what came of one attempt: the function's answer, its error, or the error of
// the platform that could not run it.
type ending struct {
	outcome  slipway.Outcome          // Error is the function's, or nil
	instance string                   // that had it
	cpu      float64                  // seconds
	platform *slipway.InvocationError // the function had no part in it
	cause    error                    // of platform
}

func platformError(err error) ending {
	return ending{cause: err, platform: &slipway.InvocationError{Type: slipway.Code(err), Message: err.Error(), Platform: true}}
}

// run gives an event to its function.
func (e *Engine) run(ctx context.Context, t slipway.Turn) ending {
	if t.Cancelling {
		return platformError(errCancelled)
	}
	return e.attempt(ctx, t.Event, t.Attempt)
}

func (e *Engine) attempt(ctx context.Context, event slipway.Event, attempt int) ending {
	body, err := e.payload(ctx, event)
	if err != nil {
		return platformError(err)
	}
	defer body.Close()
	resp, version, err := e.parts.Functions.InvokeEvent(ctx, event, attempt, body)
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause // who ended it knows better why
	}
	var o ending
	if err != nil {
		o = platformError(err)
	} else {
		o = read(ctx, resp)
	}
	o.outcome.Version = version
	return o
}

// read takes an answer to its end, or as much of it as is kept.
func read(ctx context.Context, resp *slipway.Response) ending {
	o := ending{instance: resp.Instance, cpu: resp.Used.CPU.Seconds()}
	o.outcome.State, o.outcome.LogTail = slipway.InvocationSucceeded, resp.LogTail
	var answer []byte
	if resp.Body != nil {
		defer resp.Body.Close()
		var err error
		if answer, err = io.ReadAll(io.LimitReader(resp.Body, maxResult+1)); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			broken := platformError(fmt.Errorf("the function's answer broke off: %w", err))
			broken.instance, broken.cpu = o.instance, o.cpu
			return broken
		}
	}
	keepAnswer(&o.outcome, answer, http.Header(resp.Header).Get("Content-Type"))
	if o.outcome.Error = functionError(resp); o.outcome.Error != nil {
		o.outcome.State = slipway.InvocationFailed
	}
	return o
}

// functionError is what the function did wrong: what it said, or a status from 400 of one
// that speaks HTTP.
func functionError(resp *slipway.Response) *slipway.InvocationError {
	if fe := resp.FunctionError; fe != nil {
		return &slipway.InvocationError{Type: fe.Type, Message: fe.Message}
	}
	if resp.Status >= http.StatusBadRequest {
		return &slipway.InvocationError{
			Type:    fmt.Sprintf("HTTP.%d", resp.Status),
			Message: strings.TrimSpace(fmt.Sprintf("the function answered %d %s", resp.Status, http.StatusText(resp.Status))),
		}
	}
	return nil
}

// keepAnswer puts an answer into an outcome: JSON as it is, text as a JSON string, all else
// in base64.
func keepAnswer(o *slipway.Outcome, answer []byte, contentType string) {
	o.ResultType = contentType
	media, _, _ := mime.ParseMediaType(contentType)
	isJSON := media == "" || media == "application/json" || strings.HasSuffix(media, "+json")
	switch {
	case len(answer) > maxResult:
		o.ResultError = fmt.Sprintf("the answer is larger than %d KiB, which is the most that is kept", maxResult>>10)
	case len(answer) == 0:
	case isJSON && json.Valid(answer) && utf8.Valid(answer): // strings of JSON may hold what is no text
		o.Result = answer
	case utf8.Valid(answer):
		o.Result = mustJSON(string(answer))
	default:
		o.Base64, o.Result = true, mustJSON(base64.StdEncoding.EncodeToString(answer))
	}
}

// mustJSON writes a string, which always can be.
func mustJSON(s string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return b
}

// refused says whether the platform had no room for the event, so that others of the
// function would have none either.
func (o ending) refused() bool {
	return o.platform != nil && (errors.Is(o.cause, slipway.ErrLimit) || errors.Is(o.cause, slipway.ErrUnavailable) || errors.Is(o.cause, slipway.ErrConflict))
}
