package gateway

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

func (g *Gateway) listInvocations(c *call) error {
	async, err := g.needAsync()
	if err != nil {
		return err
	}
	page, err := c.page()
	if err != nil {
		return err
	}
	f := slipway.InvocationFilter{Function: c.QueryParam("function")}
	for state := range strings.SplitSeq(c.QueryParam("state"), ",") {
		if state != "" {
			f.States = append(f.States, slipway.InvocationState(state))
		}
	}
	if f.Since, err = c.since(); err != nil {
		return err
	}
	list, err := async.Invocations(c.Request().Context(), c.tenant, f, page)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, list)
}

// invocationCall is a call about one invocation whose answer is one.
func (g *Gateway) invocationCall(c *call, status int, do func(a Async, tenant, id string) (slipway.Invocation, error)) error {
	async, err := g.needAsync()
	if err != nil {
		return err
	}
	i, err := do(async, c.tenant, c.Param("id"))
	if err != nil {
		return err
	}
	return c.reply(status, i)
}

func (g *Gateway) getInvocation(c *call) error {
	wait, err := c.waitTime()
	if err != nil {
		return err
	}
	return g.invocationCall(c, http.StatusOK, func(a Async, tenant, id string) (slipway.Invocation, error) {
		return g.awaitInvocation(c.Request().Context(), a, tenant, id, wait)
	})
}

const (
	longestWait = time.Minute
	firstLook   = 10 * time.Millisecond // and each pause is half as long again
	seldomLook  = time.Second
)

// waitTime is how long the client waits for an outcome: ?wait=20s.
func (c *call) waitTime() (time.Duration, error) {
	text := c.QueryParam("wait")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > longestWait {
		return 0, slipway.Errorf(slipway.ErrInvalid, "wait: %q is not allowed; it must be a duration up to %s, as in 20s", text, longestWait)
	}
	return d, nil
}

// awaitInvocation gives an invocation when it has its outcome, or the time is over.
func (g *Gateway) awaitInvocation(ctx context.Context, a Async, tenant, id string, wait time.Duration) (slipway.Invocation, error) {
	over := time.After(wait)
	for pause := firstLook; ; pause = min(pause*3/2, seldomLook) {
		i, err := a.Invocation(ctx, tenant, id)
		if err != nil || i.State.Ended() || wait == 0 {
			return i, err
		}
		select {
		case <-ctx.Done():
			return i, ctx.Err()
		case <-g.following.Done(): // the gateway stops
			return i, nil
		case <-over:
			return i, nil
		case <-time.After(pause):
		}
	}
}

func (g *Gateway) cancelInvocation(c *call) error {
	return g.invocationCall(c, http.StatusOK, func(a Async, tenant, id string) (slipway.Invocation, error) {
		return a.Cancel(c.Request().Context(), tenant, id)
	})
}

func (g *Gateway) redriveInvocation(c *call) error {
	return g.invocationCall(c, http.StatusAccepted, func(a Async, tenant, id string) (slipway.Invocation, error) {
		return a.Redrive(c.Request().Context(), tenant, id)
	})
}

// getEvent answers with the payload as it came.
func (g *Gateway) getEvent(c *call) error {
	async, err := g.needAsync()
	if err != nil {
		return err
	}
	event, body, err := async.Payload(c.Request().Context(), c.tenant, c.Param("id"))
	if err != nil {
		return err
	}
	defer body.Close()
	h := c.Response().Header()
	h.Set("Content-Type", "application/octet-stream")
	if event.ContentType != "" {
		h.Set("Content-Type", event.ContentType)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.FormatInt(event.Size, 10))
	c.Response().WriteHeader(http.StatusOK)
	if n, err := io.Copy(c.Response(), body); err != nil || n != event.Size {
		panic(http.ErrAbortHandler) // the client must see that it is not complete
	}
	return nil
}

// redrivenBody says how many invocations a call has redriven.
type redrivenBody struct {
	Redriven int  `json:"redriven"`
	More     bool `json:"more"` // there are others: call again
}

func (g *Gateway) redriveFunction(c *call) error {
	async, err := g.needAsync()
	if err != nil {
		return err
	}
	ref, err := c.function()
	if err != nil {
		return err
	}
	n, more, err := async.RedriveAll(c.Request().Context(), ref)
	if err != nil {
		return err
	}
	return c.reply(http.StatusAccepted, redrivenBody{n, more})
}

// replayBody says on which version an event is run again.
type replayBody struct {
	Version int `json:"version"` // 0 is what the event's own qualifier names now
}

func (g *Gateway) replayInvocation(c *call) error {
	async, err := g.needAsync()
	if err != nil {
		return err
	}
	var in replayBody
	if err := c.decode(&in); err != nil {
		return err
	}
	if in.Version < 0 {
		return slipway.Errorf(slipway.ErrInvalid, "version: %d is not allowed; it must be the number of a version, or left out", in.Version)
	}
	replay, err := async.Replay(c.Request().Context(), c.tenant, c.Param("id"), in.Version)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, replay)
}

func (g *Gateway) getWebhookKey(c *call) error {
	async, err := g.needAsync()
	if err != nil {
		return err
	}
	key, err := async.WebhookKey(c.Request().Context(), c.tenant)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, key)
}

func (g *Gateway) rotateWebhookKey(c *call) error {
	async, err := g.needAsync()
	if err != nil {
		return err
	}
	key, err := async.RotateWebhookKey(c.Request().Context(), c.tenant)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, key)
}
