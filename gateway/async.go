package gateway

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/metrics"
)

// Async keeps asynchronous events, and runs them through AsyncSettings and InvokeEvent.
type Async interface {
	AsyncEvents
	AsyncRecords
	Outcomes
}

// AsyncEvents takes events.
type AsyncEvents interface {
	AcceptStream(ctx context.Context, e slipway.Event, body io.Reader) (slipway.Invocation, error)
	Cancel(ctx context.Context, tenant, id string) (slipway.Invocation, error)
	Redrive(ctx context.Context, tenant, id string) (slipway.Invocation, error)
	RedriveAll(ctx context.Context, ref slipway.FunctionRef) (n int, more bool, err error)
}

// AsyncRecords shows them.
type AsyncRecords interface {
	Invocation(ctx context.Context, tenant, id string) (slipway.Invocation, error)
	Invocations(ctx context.Context, tenant string, f slipway.InvocationFilter, page slipway.Page) (slipway.List[slipway.Invocation], error)
	Payload(ctx context.Context, tenant, id string) (slipway.Event, io.ReadCloser, error)
	Replay(ctx context.Context, tenant, id string, version int) (slipway.Replay, error)
}

// Outcomes go to destinations.
type Outcomes interface {
	CheckDestination(ctx context.Context, ref slipway.FunctionRef, text string) error
	WebhookKey(ctx context.Context, tenant string) (slipway.WebhookKey, error)
	RotateWebhookKey(ctx context.Context, tenant string) (slipway.WebhookKey, error)
}

// UseAsync gives the gateway who keeps asynchronous events. It is called once, before
// anything is served; without it such events are refused.
func (g *Gateway) UseAsync(a Async) { g.async = a }

// needAsync is who keeps asynchronous events.
func (g *Gateway) needAsync() (Async, error) {
	if g.async == nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "this gateway keeps no asynchronous events")
	}
	return g.async, nil
}

// AsyncSettings are those of a function now: from memory, when something was deployed to
// it. A qualifier that names nothing is ErrNotFound.
func (g *Gateway) AsyncSettings(ctx context.Context, ref slipway.FunctionRef, qualifier string) (slipway.AsyncSettings, error) {
	found := g.routes.find(ref)
	if found == nil {
		f, err := g.store.Function(ctx, ref)
		if err != nil {
			return slipway.AsyncSettings{}, err
		}
		if err := g.exists(ctx, ref, nil, qualifier); err != nil {
			return slipway.AsyncSettings{}, err
		}
		return settingsOf(f.Config, f.Paused), nil
	}
	live, ok := found.aliases[slipway.LiveAlias]
	if !ok {
		return slipway.AsyncSettings{}, slipway.Errorf(slipway.ErrConflict, "function %q has no version yet; deploy one", ref.Function)
	}
	if err := g.exists(ctx, ref, found, qualifier); err != nil {
		return slipway.AsyncSettings{}, err
	}
	return settingsOf(live.main.Config, found.paused), nil
}

// checkAsync refuses destinations that outcomes could never reach. What has not changed is
// not looked at.
func (g *Gateway) checkAsync(ctx context.Context, ref slipway.FunctionRef, old, next slipway.Async) error {
	if g.async == nil {
		return nil
	}
	for _, d := range [][2]string{{old.OnSuccess, next.OnSuccess}, {old.OnFailure, next.OnFailure}} {
		if d[0] == d[1] {
			continue
		}
		if err := g.async.CheckDestination(ctx, ref, d[1]); err != nil {
			return err
		}
	}
	return nil
}

// exists says whether a qualifier names something. What the table does not know, the store
// may: another gateway has made it just now.
func (g *Gateway) exists(ctx context.Context, ref slipway.FunctionRef, found *route, qualifier string) error {
	if qualifier == "" || qualifier == slipway.LiveAlias {
		return nil
	}
	n, numeric := versionNumber(qualifier)
	switch {
	case found != nil && (found.specs[n] != nil || found.choose(qualifier) != nil):
		return nil
	case numeric:
		_, err := g.store.Version(ctx, slipway.VersionRef{Tenant: ref.Tenant, Function: ref.Function, Version: n})
		return err
	}
	_, err := g.store.Alias(ctx, ref, qualifier)
	return err
}

func settingsOf(c slipway.Config, paused bool) slipway.AsyncSettings {
	return slipway.AsyncSettings{Async: c.Async, Paused: paused, Capacity: c.Scaling.Max * c.Scaling.Concurrency}
}

const (
	attemptHeader = "X-Slipway-Attempt" // of an asynchronous event: from 1
	sourceHeader  = "X-Slipway-Source"  // who sent it
)

// InvokeEvent runs an asynchronous event as a call of the API runs a synchronous one: the
// same routes, limits and counts. The answer's body ends what is counted.
func (g *Gateway) InvokeEvent(ctx context.Context, e slipway.Event, attempt int, payload io.Reader) (*slipway.Response, int, error) {
	received := time.Now()
	m := g.meter(e.Ref())
	spec, err := g.qualified(ctx, e.Ref(), e.Qualifier)
	if err != nil {
		m.Refused(metrics.Async, err, false)
		return nil, 0, err
	}
	seat, err := g.limits.admit(e.Ref())
	if err != nil {
		m.Refused(metrics.Async, err, false)
		return nil, spec.Version, err
	}
	m.Begin()
	body := eventBody{small: e.Payload}
	if e.Blob != "" {
		body = eventBody{stream: &streamBody{r: payload}}
	}
	req := &slipway.Request{
		ID: e.ID, Version: spec.VersionRef, Mode: slipway.ModeInvoke, Received: received,
		Method: http.MethodPost, Target: "/", Host: e.Function + "." + g.cfg.Domain, Proto: "HTTP/1.1",
		Header: eventHeader(e, attempt), Length: e.Size, Body: body.reader(),
	}
	if h := e.HTTP; h != nil {
		req.Mode, req.Method, req.Target, req.Host, req.RemoteAddr = slipway.ModeHTTP, h.Method, h.Target, h.Host, h.RemoteAddr
	}
	f, err := g.send(ctx, spec, req, body)
	if err != nil {
		seat.leave()
		m.End()
		m.Refused(metrics.Async, err, ctx.Err() != nil)
		return nil, spec.Version, err
	}
	g.count(metrics.Async, m, spec, f)
	resp := *f.resp
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	resp.Body = &countedBody{ReadCloser: resp.Body, done: func() { f.choice.done(); seat.leave(); m.End() }}
	return &resp, spec.Version, nil
}

// eventHeader is the header that the function gets with an event.
func eventHeader(e slipway.Event, attempt int) slipway.Header {
	h := make(http.Header, len(e.Header)+3)
	for name, values := range e.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if e.ContentType != "" {
		h.Set("Content-Type", e.ContentType)
	}
	h.Set("X-Request-Id", e.ID)
	h.Set(attemptHeader, strconv.Itoa(attempt))
	h.Set(sourceHeader, e.Source)
	return slipway.Header(h)
}

// countedBody says when it is closed, once.
type countedBody struct {
	io.ReadCloser
	done func()
}

func (b *countedBody) Close() error {
	if b.done != nil {
		b.done()
		b.done = nil
	}
	return b.ReadCloser.Close()
}

// postAsync accepts the body as an event.
func (g *Gateway) postAsync(c *call, ref slipway.FunctionRef) error {
	invocation, err := g.acceptEvent(c, ref, c.QueryParam("qualifier"))
	if err != nil {
		return err
	}
	return c.reply(http.StatusAccepted, invocation)
}

// acceptEvent makes the body an event that the platform owes an outcome.
func (g *Gateway) acceptEvent(c *call, ref slipway.FunctionRef, qualifier string) (slipway.Invocation, error) {
	async, err := g.needAsync()
	if err != nil {
		return slipway.Invocation{}, err
	}
	r := c.Request()
	if r.ContentLength > slipway.MaxAsyncPayload {
		return slipway.Invocation{}, errTooLarge(slipway.MaxAsyncPayload)
	}
	e := slipway.Event{
		Tenant: ref.Tenant, Function: ref.Function, Qualifier: qualifier, Source: "api",
		ContentType: r.Header.Get("Content-Type"), Header: passedHeader(r.Header),
	}
	if key := r.Header.Get(idempotencyHeader); key != "" {
		if len(key) > maxIdempotencyKey {
			return slipway.Invocation{}, slipway.Errorf(slipway.ErrInvalid, "%s: %d bytes; at most %d are allowed", idempotencyHeader, len(key), maxIdempotencyKey)
		}
		e.ID = slipway.EventID("api", ref.Tenant, ref.Function, key)
	}
	return async.AcceptStream(r.Context(), e, r.Body)
}

const (
	idempotencyHeader = "Idempotency-Key"
	maxIdempotencyKey = 255
)

// passedHeader is what an event keeps of the header of the call that brought it.
func passedHeader(h http.Header) slipway.Header {
	var passed slipway.Header
	for _, name := range []string{"X-Amz-Client-Context", "X-Amzn-Trace-Id", "Traceparent", "Tracestate"} {
		if v := h[name]; len(v) > 0 {
			if passed == nil {
				passed = slipway.Header{}
			}
			passed[name] = v
		}
	}
	return passed
}
