package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/metrics"
)

// modeHeader says how an invocation is meant: sync, dry-run or async.
const modeHeader = "X-Slipway-Mode"

// postInvocation gives the body to the function as an event; the answer is the
// function's.
func (g *Gateway) postInvocation(c *call) error {
	received := time.Now()
	ref, err := c.function()
	if err != nil {
		return err
	}
	r := c.Request()
	if r.Header.Get(modeHeader) == "async" {
		return g.postAsync(c, ref)
	}
	if r.ContentLength > g.cfg.MaxEventBytes {
		return errTooLarge(g.cfg.MaxEventBytes)
	}
	spec, err := g.qualified(r.Context(), ref, c.QueryParam("qualifier"))
	if err != nil {
		return err
	}
	switch mode := r.Header.Get(modeHeader); mode {
	case "", "sync":
		return g.invokeSync(c, spec, received, g.answer)
	case "dry-run":
		return c.NoContent(http.StatusNoContent)
	default:
		return slipway.Errorf(slipway.ErrInvalid, "%s: %q is not allowed; it must be sync, async or dry-run", modeHeader, mode)
	}
}

// qualified is the version that qualifier names: an alias, a number, or "" for live.
func (g *Gateway) qualified(ctx context.Context, ref slipway.FunctionRef, qualifier string) (*slipway.Spec, error) {
	found := g.routes.find(ref)
	if found == nil {
		if _, err := g.store.Function(ctx, ref); err != nil {
			return nil, err
		}
		return nil, slipway.Errorf(slipway.ErrConflict, "function %q has no version yet; deploy one", ref.Function)
	}
	if found.paused {
		return nil, slipway.Paused(ref.Function)
	}
	if qualifier == "" {
		qualifier = slipway.LiveAlias
	}
	if n, ok := versionNumber(qualifier); ok {
		if spec := found.specs[n]; spec != nil {
			return spec, nil
		}
		spec, err := g.spec(ctx, slipway.VersionRef{Tenant: ref.Tenant, Function: ref.Function, Version: n})
		return &spec, err
	}
	if spec := found.choose(qualifier); spec != nil {
		return spec, nil
	}
	return nil, slipway.Errorf(slipway.ErrNotFound, "function %q has no alias %q", ref.Function, qualifier)
}

// versionNumber is the version that a qualifier names by its number, if it does.
func versionNumber(qualifier string) (int, bool) {
	n, err := strconv.ParseInt(qualifier, 10, 32)
	return int(n), err == nil
}

// logTypeHeader asks with the value Tail for what the function prints for the event.
const logTypeHeader = "X-Slipway-Log-Type"

// invokeSync gives the event to an instance, and the outcome to answer.
func (g *Gateway) invokeSync(c *call, spec *slipway.Spec, received time.Time, answer func(*call, *slipway.Spec, flight)) (err error) {
	r, w := c.Request(), c.Response().Writer
	ref := slipway.FunctionRef{Tenant: spec.Tenant, Function: spec.Function}
	m := g.meter(ref)
	m.Begin()
	defer m.End()
	defer func() {
		if err != nil {
			m.Refused(metrics.Invoke, err, r.Context().Err() != nil)
		}
	}()
	seat, err := g.limits.admit(ref)
	if err != nil {
		return err
	}
	defer seat.leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	body, length, err := takeBody(w, r, false)
	if err != nil {
		return err
	}
	defer body.close()
	req := newRequest(r, c.id, spec, slipway.ModeInvoke, received)
	req.Target, req.Length = "/", length
	if body.stream != nil { // a small one is within the limit
		body.stream.r = &limitedBody{r: body.stream.r, left: g.cfg.MaxEventBytes, limit: g.cfg.MaxEventBytes}
	}
	req.Body = body.reader()
	r.Header.Del("Authorization")
	r.Header.Del(modeHeader)
	f, err := g.send(ctx, spec, req, body)
	if err != nil {
		return body.fault(err)
	}
	defer f.close()
	g.count(metrics.Invoke, m, spec, f)
	c.Response().Committed = true // what follows writes past the router
	setTimings(w.Header(), f)
	answer(c, spec, f)
	return nil
}

// answer writes the outcome: the function's answer, or what it did wrong.
func (g *Gateway) answer(c *call, _ *slipway.Spec, f flight) {
	w, h := c.Response().Writer, c.Response().Header()
	if peak := f.resp.Used.MemoryPeak; peak > 0 {
		h.Set("X-Slipway-Memory-Peak-Mb", strconv.FormatInt(mebibytes(peak), 10))
	}
	if f.resp.LogTail != "" {
		h.Set("X-Slipway-Log-Tail", encodeTail(f.resp.LogTail))
	}
	if f.resp.FunctionError == nil {
		writeResponse(w, c.Request(), f.resp, c.id)
		return
	}
	h.Set("X-Slipway-Function-Error", "Unhandled")
	if f.resp.FunctionError.Handled {
		h.Set("X-Slipway-Function-Error", "Handled")
	}
	writeInvokeError(w, f.resp, c.id)
}

// mebibytes is a size in MiB, rounded up.
func mebibytes(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }

// writeInvokeError answers with what the function did wrong, as AWS Lambda's Invoke does.
func writeInvokeError(w http.ResponseWriter, resp *slipway.Response, id string) {
	fe, h := resp.FunctionError, w.Header()
	h.Set("X-Request-Id", id)
	if fe.Payload != nil {
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(fe.Payload)))
		w.WriteHeader(http.StatusOK)
		w.Write(fe.Payload) // the client has gone when this is an error
		return
	}
	doc := invokeError{Type: fe.Type, Message: fe.Message}
	if json.Valid(fe.StackTrace) {
		doc.StackTrace = fe.StackTrace
	}
	writeDocument(w, http.StatusOK, doc)
}

// invokeError is a function error in the words of AWS Lambda.
type invokeError struct {
	Type       string          `json:"errorType"`
	Message    string          `json:"errorMessage"`
	StackTrace json.RawMessage `json:"stackTrace,omitempty"`
}

// fault is why the round trip did not come about: the body's own fault, if it has one.
func (b eventBody) fault(err error) error {
	if b.stream == nil {
		return err
	}
	if limited, ok := b.stream.r.(*limitedBody); ok && limited.over.Load() {
		return errTooLarge(limited.limit)
	}
	return err
}
