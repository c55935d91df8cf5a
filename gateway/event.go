package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/metrics"
)

// ServeHTTP sends events to their function and everything else to the API.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if t, ok := eventTarget(r, g.cfg.Domain); ok {
		g.serveEvent(w, r, t)
		return
	}
	g.api.ServeHTTP(w, r)
}

// serveEvent is the event path: one round trip between the client and an instance.
func (g *Gateway) serveEvent(w http.ResponseWriter, r *http.Request, t target) {
	received, id := time.Now(), slipway.NewID()
	found := g.routes.find(slipway.FunctionRef{Tenant: t.tenant, Function: t.function})
	spec, err := g.eventSpec(r, t, found)
	if err != nil {
		g.refuseEvent(w, r, found, err, id)
		return
	}
	found.meter.Begin()
	defer found.meter.End()
	seat, err := g.limits.admit(slipway.FunctionRef{Tenant: spec.Tenant, Function: spec.Function})
	if err != nil {
		g.refuseEvent(w, r, found, err, id)
		return
	}
	defer seat.leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	body, length, err := takeBody(w, r, spec.Protocol == slipway.ProtocolHTTP && isUpgrade(r))
	if err != nil {
		g.refuseEvent(w, r, found, err, id)
		return
	}
	defer body.close()
	req := newRequest(r, id, spec, slipway.ModeHTTP, received)
	req.Target, req.Body, req.Length = t.uri, body.reader(), length
	req.Deadline = grpcDeadline(r, received)
	expectTrailer(r, req)
	req.Header["X-Request-Id"] = []string{id}

	f, err := g.send(ctx, spec, req, body)
	if err != nil {
		g.refuseEvent(w, r, found, err, id)
		return
	}
	defer f.close()
	g.count(metrics.HTTP, found.meter, spec, f)
	setTimings(w.Header(), f)
	switch {
	case f.resp.FunctionError != nil:
		w.Header().Set("X-Request-Id", id)
		writeFunctionError(w, r, f.resp, id)
	case f.resp.Status == http.StatusSwitchingProtocols:
		g.switchProtocols(w, r, f.resp, body, id, cancel)
	default:
		writeResponse(w, r, f.resp, id)
	}
}

// eventSpec is the version that the event goes to, if the client may send it events. A
// key that the platform has checked is not shown to the function.
func (g *Gateway) eventSpec(r *http.Request, t target, found *route) (*slipway.Spec, error) {
	if found == nil {
		return nil, g.noRoute(t.function)
	}
	if found.auth == "key" && !g.cfg.AuthOff {
		key, err := g.keys.admit(r, slipway.ScopeInvoke)
		if err != nil {
			return nil, err
		}
		if key.Tenant != t.tenant {
			return nil, slipway.Errorf(slipway.ErrForbidden, "the key belongs to another tenant")
		}
		r.Header.Del("Authorization")
	}
	if found.paused {
		return nil, slipway.Paused(t.function)
	}
	spec := found.choose(t.alias)
	if spec == nil {
		return nil, slipway.Errorf(slipway.ErrNotFound, "function %q has no alias %q", t.function, t.alias)
	}
	return spec, nil
}

func (g *Gateway) noRoute(function string) error {
	if !g.routes.loaded() {
		return &slipway.Error{Kind: slipway.ErrUnavailable, Message: "the gateway is starting", RetryAfter: time.Second}
	}
	return slipway.Errorf(slipway.ErrNotFound, "function %q does not exist, or nothing was deployed to it yet", function)
}

// newRequest carries the facts of r over; the header is r's own.
func newRequest(r *http.Request, id string, spec *slipway.Spec, mode slipway.Mode, received time.Time) *slipway.Request {
	return &slipway.Request{
		ID: id, Version: spec.VersionRef, Mode: mode, Received: received,
		Method: r.Method, Host: r.Host, Proto: r.Proto, RemoteAddr: r.RemoteAddr, Secure: r.TLS != nil,
		Header: r.Header,
	}
}

// count takes the outcome of an event that an instance had.
func (g *Gateway) count(kind metrics.Kind, m *metrics.Meter, spec *slipway.Spec, f flight) {
	m.Answered(kind, f.resp, f.route+f.resp.Phases.Route)
	g.releases.tallies.count(spec.VersionRef, f.resp)
}

// refuseEvent is refuse for an HTTP event, which is counted; found is nil when its function
// was not found.
func (g *Gateway) refuseEvent(w http.ResponseWriter, r *http.Request, found *route, err error, id string) {
	if found == nil {
		g.metrics.Lost(err)
	} else {
		found.meter.Refused(metrics.HTTP, err, r.Context().Err() != nil)
	}
	g.refuse(w, r, err, id)
}

// refuse answers with a platform error. Nobody reads the answer when the client has gone.
func (g *Gateway) refuse(w http.ResponseWriter, r *http.Request, err error, id string) {
	if r.Context().Err() != nil {
		return
	}
	if isInternal(err) {
		g.log.Error("event", "invocation", id, "host", r.Host, "path", r.URL.Path, "err", err)
	}
	w.Header().Set("X-Request-Id", id)
	if isGRPC(r) {
		writeGRPCError(w, err, id)
		return
	}
	writeError(w, err, id)
}

// flight is an event that was taken by an invoker.
type flight struct {
	resp   *slipway.Response
	choice choice
	route  time.Duration // spent choosing
}

func (f flight) close() {
	if f.resp.Body != nil {
		f.resp.Body.Close()
	}
	f.choice.done()
}

// lossNoticed is the soonest that the bus notices that the process of a call is gone. An
// invoker that is not there, or that refuses, says so sooner.
const lossNoticed = time.Second

// send gives req to an invoker, and to another one when the first could not take it and
// nothing of the body is lost.
func (g *Gateway) send(ctx context.Context, spec *slipway.Spec, req *slipway.Request, body eventBody) (flight, error) {
	began := time.Now()
	first, err := g.invokers.choose(ctx, spec, "")
	if err != nil {
		return flight{}, err
	}
	sent := time.Now()
	f, err := g.sendTo(ctx, first, req, sent.Sub(began))
	if err == nil || !errors.Is(err, slipway.ErrUnavailable) || ctx.Err() != nil {
		return f, err
	}
	if !body.rewind() || !safe(req.Method) && time.Since(sent) >= lossNoticed {
		return f, err // the function may have run
	}
	second, none := g.invokers.choose(ctx, spec, first.Invoker)
	if none != nil {
		return flight{}, err
	}
	req.Body = body.reader()
	return g.sendTo(ctx, second, req, time.Since(began))
}

// safe says whether doing a request twice does no harm (RFC 9110, section 9.2.1).
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

func (g *Gateway) sendTo(ctx context.Context, c choice, req *slipway.Request, route time.Duration) (flight, error) {
	req.Limit = c.Limit
	resp, err := g.bus.RoundTrip(ctx, c.subject, req)
	if err != nil {
		c.done()
		return flight{}, err
	}
	return flight{resp, c, route}, nil
}
