package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/slipway-run/slipway"
)

// PutTrigger makes a trigger or replaces it. A webhook's secret that is "" stays what it is.
func (c *Client) PutTrigger(ctx context.Context, t slipway.Trigger) (slipway.Trigger, error) {
	var stored slipway.Trigger
	err := c.do(ctx, http.MethodPut, path("v1", "triggers", t.Name), nil, t, &stored)
	return stored, err
}

// Trigger is one trigger, without its secret.
func (c *Client) Trigger(ctx context.Context, name string) (slipway.Trigger, error) {
	var t slipway.Trigger
	err := c.do(ctx, http.MethodGet, path("v1", "triggers", name), nil, nil, &t)
	return t, err
}

// Triggers are all triggers of the key's tenant, by name.
func (c *Client) Triggers(ctx context.Context) ([]slipway.Trigger, error) {
	return all(func(p slipway.Page) (slipway.List[slipway.Trigger], error) {
		var list slipway.List[slipway.Trigger]
		err := c.do(ctx, http.MethodGet, "/v1/triggers", pageQuery(p), nil, &list)
		return list, err
	})
}

// DeleteTrigger deletes a trigger. What it has set off goes on.
func (c *Client) DeleteTrigger(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, path("v1", "triggers", name), nil, nil, nil)
}

// FireTrigger sets a trigger off by hand. event may be empty: a cron trigger then sends
// what it sends by itself.
func (c *Client) FireTrigger(ctx context.Context, name string, event []byte) (slipway.Firing, error) {
	request := call{method: http.MethodPost, path: path("v1", "triggers", name, "fire"), body: bytes.NewReader(event), length: int64(len(event))}
	if json.Valid(event) {
		request.header = http.Header{"Content-Type": {"application/json"}}
	}
	var f slipway.Firing
	resp, err := c.send(ctx, request)
	if err != nil {
		return f, err
	}
	defer resp.Body.Close()
	err = json.NewDecoder(resp.Body).Decode(&f)
	return f, err
}
