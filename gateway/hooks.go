package gateway

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/metrics"
)

// Hooks take requests to webhooks.
type Hooks interface {
	Known(ref slipway.TriggerRef) error
	Hook(ctx context.Context, r slipway.HookRequest) (slipway.HookAnswer, error)
	HookDone(event slipway.Event, err error)
}

// Requests to webhooks come from anybody, and are held in memory until their signature is
// known to be right: so many at once, of which so many are large.
const (
	hooksAtOnce      = 256
	largeHooksAtOnce = 8
	largeHook        = 1 << 20 // bytes
)

// hookBody is the answer to a webhook that is not synchronous: what became of each event.
type hookBody struct {
	ID      string           `json:"id,omitempty"` // of the invocation or job, when there is one
	Firings []slipway.Firing `json:"firings"`
}

// optionsHook agrees that a sender of CloudEvents sends them to a webhook that exists, at
// any rate: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md,
// section 4. Some send nothing before they were told so.
func (g *Gateway) optionsHook(c *call) error {
	if err := g.triggers.Known(slipway.TriggerRef{Tenant: c.Param("tenant"), Name: c.Param("name")}); err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Allow", "POST, OPTIONS")
	if origin := c.Request().Header.Get("WebHook-Request-Origin"); origin != "" {
		h.Set("WebHook-Allowed-Origin", origin)
		h.Set("WebHook-Allowed-Rate", "*")
	}
	return c.NoContent(http.StatusOK)
}

// postHook takes a request to a webhook. Nobody is told more than that it was not taken:
// who has no key learns no secrets from the answer.
func (g *Gateway) postHook(c *call) error {
	received, r := time.Now(), c.Request()
	ref := slipway.TriggerRef{Tenant: c.Param("tenant"), Name: c.Param("name")}
	if err := g.triggers.Known(ref); err != nil {
		return err
	}
	leave, err := g.hooks.take(ref.Tenant, r.ContentLength)
	if err != nil {
		return err
	}
	defer leave()
	body, err := g.readHook(c)
	if err != nil {
		return err
	}
	target := "/"
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	answer, err := g.triggers.Hook(r.Context(), slipway.HookRequest{
		TriggerRef: ref, Method: r.Method, Target: target, Host: r.Host, RemoteAddr: r.RemoteAddr, Header: r.Header, Body: body,
	})
	if err != nil {
		return err
	}
	if answer.Sync != nil {
		if len(body) <= largeHook {
			leave() // how long functions take, and how many run at once, is bounded elsewhere
		}
		failed, err := g.hookSync(c, *answer.Sync, received)
		if err != nil {
			failed = err
		}
		g.triggers.HookDone(*answer.Sync, failed)
		return err
	}
	doc := hookBody{Firings: answer.Firings}
	if len(doc.Firings) == 1 {
		doc.ID = doc.Firings[0].Invocation + doc.Firings[0].Job
	}
	if doc.Firings == nil {
		doc.Firings = []slipway.Firing{}
	}
	return c.reply(http.StatusAccepted, doc)
}

// readHook reads the body of a request to a webhook, but does not wait for it for ever: a
// seat is not for who sends nothing.
func (g *Gateway) readHook(c *call) ([]byte, error) {
	conn := http.NewResponseController(c.Response().Writer)
	limited := conn.SetReadDeadline(time.Now().Add(g.cfg.HookTime)) == nil
	body, err := readWhole(c.Response(), c.Request(), slipway.MaxAsyncPayload)
	if limited && err == nil { // else the connection ends, and what is left of the body is not waited for
		_ = conn.SetReadDeadline(time.Time{}) // it was possible before
	}
	return body, err
}

// hookSync runs an event now and answers with the function's answer, as to an HTTP event.
// failed is what the function did wrong, which has been answered; err what the platform
// could not do.
func (g *Gateway) hookSync(c *call, e slipway.Event, received time.Time) (failed, err error) {
	r, w := c.Request(), c.Response().Writer
	m, answered := g.meter(e.Ref()), false
	m.Begin()
	defer m.End()
	defer func() {
		if err != nil && !answered {
			m.Refused(metrics.Hook, err, r.Context().Err() != nil)
		}
	}()
	if int64(len(e.Payload)) > g.cfg.MaxEventBytes {
		return nil, errTooLarge(g.cfg.MaxEventBytes)
	}
	spec, err := g.qualified(r.Context(), e.Ref(), e.Qualifier)
	if err != nil {
		return nil, err
	}
	seat, err := g.limits.admit(e.Ref())
	if err != nil {
		return nil, err
	}
	defer seat.leave()
	req := newRequest(r, e.ID, spec, slipway.ModeInvoke, received)
	req.Header, req.Target = e.Header, "/"
	if e.HTTP != nil {
		req.Mode, req.Target = slipway.ModeHTTP, e.HTTP.Target
	}
	body := eventBody{small: e.Payload}
	req.Body, req.Length = io.NopCloser(bytes.NewReader(e.Payload)), int64(len(e.Payload))
	f, err := g.send(r.Context(), spec, req, body)
	if err != nil {
		return nil, err
	}
	defer f.close()
	answered = true
	g.count(metrics.Hook, m, spec, f)
	c.Response().Committed = true // what follows writes past the router
	setTimings(w.Header(), f)
	if fe := f.resp.FunctionError; fe != nil {
		w.Header().Set("X-Request-Id", c.id)
		writeFunctionError(w, r, f.resp, c.id)
		return fe, nil
	}
	writeResponse(w, r, f.resp, c.id)
	return nil, nil
}
