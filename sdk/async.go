package sdk

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// AsyncInvocation says how an event is given to a function that nobody waits for.
type AsyncInvocation struct {
	Qualifier      string // alias or number of a version; "" is live when it runs
	ContentType    string // of the event; "" is application/json
	IdempotencyKey string // the same key for the same function is the same event; "" makes each call its own
}

// InvokeAsync gives event, up to slipway.MaxAsyncPayload bytes, to the platform. When it
// returns nil, the event is on disk, and the invocation will have exactly one outcome.
func (c *Client) InvokeAsync(ctx context.Context, function string, event io.Reader, in AsyncInvocation) (slipway.Invocation, error) {
	query, header := url.Values{}, http.Header{"Content-Type": {"application/json"}, "X-Slipway-Mode": {"async"}}
	if in.Qualifier != "" {
		query.Set("qualifier", in.Qualifier)
	}
	if in.ContentType != "" {
		header.Set("Content-Type", in.ContentType)
	}
	if in.IdempotencyKey != "" {
		header.Set("Idempotency-Key", in.IdempotencyKey)
	}
	var i slipway.Invocation
	err := c.receive(ctx, call{
		method: http.MethodPost, path: path("v1", "functions", function, "invocations"), query: query, header: header, body: event,
	}, &i)
	return i, err
}

// Invocation is one asynchronous invocation.
func (c *Client) Invocation(ctx context.Context, id string) (slipway.Invocation, error) {
	var i slipway.Invocation
	err := c.do(ctx, http.MethodGet, path("v1", "invocations", id), nil, nil, &i)
	return i, err
}

// waitPart is how long one call waits; proxies cut longer ones.
const waitPart = 20 * time.Second

// AwaitInvocation returns when an invocation has its outcome, or ctx ends.
func (c *Client) AwaitInvocation(ctx context.Context, id string) (slipway.Invocation, error) {
	for {
		var i slipway.Invocation
		err := c.do(ctx, http.MethodGet, path("v1", "invocations", id), url.Values{"wait": {waitPart.String()}}, nil, &i)
		if err != nil || i.State.Ended() {
			return i, err
		}
	}
}

// Invocations is one part of the list of asynchronous invocations, newest first.
func (c *Client) Invocations(ctx context.Context, f slipway.InvocationFilter, page slipway.Page) (slipway.List[slipway.Invocation], error) {
	query := pageQuery(page)
	if f.Function != "" {
		query.Set("function", f.Function)
	}
	if len(f.States) > 0 {
		states := make([]string, len(f.States))
		for i, s := range f.States {
			states[i] = string(s)
		}
		query.Set("state", strings.Join(states, ","))
	}
	if !f.Since.IsZero() {
		query.Set("since", f.Since.Format(time.RFC3339Nano))
	}
	var list slipway.List[slipway.Invocation]
	err := c.do(ctx, http.MethodGet, "/v1/invocations", query, nil, &list)
	return list, err
}

// InvocationEvent is the event of an invocation as it was accepted, and its content type;
// the caller closes it.
func (c *Client) InvocationEvent(ctx context.Context, id string) (event io.ReadCloser, contentType string, err error) {
	resp, err := c.send(ctx, call{method: http.MethodGet, path: path("v1", "invocations", id, "event")})
	if err != nil {
		return nil, "", err
	}
	return resp.Body, resp.Header.Get("Content-Type"), nil
}

// CancelInvocation cancels an invocation: at once when it is queued, soon when it runs.
func (c *Client) CancelInvocation(ctx context.Context, id string) (slipway.Invocation, error) {
	return c.changeInvocation(ctx, id, "cancel")
}

// RedriveInvocation runs the event of an invocation that failed, expired or was cancelled
// again, as the new invocation that it gives.
func (c *Client) RedriveInvocation(ctx context.Context, id string) (slipway.Invocation, error) {
	return c.changeInvocation(ctx, id, "redrive")
}

func (c *Client) changeInvocation(ctx context.Context, id, act string) (slipway.Invocation, error) {
	var i slipway.Invocation
	err := c.do(ctx, http.MethodPost, path("v1", "invocations", id, act), nil, nil, &i)
	return i, err
}

// RedriveFunction redrives all failed and expired invocations of a function that were not
// yet, and says how many there were.
func (c *Client) RedriveFunction(ctx context.Context, function string) (n int, err error) {
	for {
		var part struct {
			Redriven int  `json:"redriven"`
			More     bool `json:"more"`
		}
		err := c.do(ctx, http.MethodPost, path("v1", "functions", function, "redrive"), nil, nil, &part)
		n += part.Redriven
		if err != nil || !part.More {
			return n, err
		}
	}
}

// ReplayInvocation runs a recorded event again, on a version if it is not 0, and gives
// both outcomes. Nothing of it is kept.
func (c *Client) ReplayInvocation(ctx context.Context, id string, version int) (slipway.Replay, error) {
	var r slipway.Replay
	err := c.do(ctx, http.MethodPost, path("v1", "invocations", id, "replay"), nil, map[string]int{"version": version}, &r)
	return r, err
}

// WebhookKey is what signs the webhooks of the tenant.
func (c *Client) WebhookKey(ctx context.Context) (slipway.WebhookKey, error) {
	var k slipway.WebhookKey
	err := c.do(ctx, http.MethodGet, "/v1/webhook-key", nil, nil, &k)
	return k, err
}

// RotateWebhookKey changes it; the one before signs too for a day.
func (c *Client) RotateWebhookKey(ctx context.Context) (slipway.WebhookKey, error) {
	var k slipway.WebhookKey
	err := c.do(ctx, http.MethodPost, "/v1/webhook-key/rotate", nil, nil, &k)
	return k, err
}
