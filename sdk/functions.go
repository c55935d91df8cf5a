package sdk

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/slipway-run/slipway"
)

// PutFunction creates a function or lays patch, a partial configuration in JSON, over
// its own. When what its versions consist of changes, it returns after a version with
// the new configuration is live.
func (c *Client) PutFunction(ctx context.Context, name string, patch json.RawMessage) (slipway.Function, error) {
	if len(patch) == 0 {
		patch = json.RawMessage("{}")
	}
	var f slipway.Function
	err := c.do(ctx, http.MethodPut, path("v1", "functions", name), nil, patch, &f)
	return f, err
}

// Function is one function.
func (c *Client) Function(ctx context.Context, name string) (slipway.Function, error) {
	var f slipway.Function
	err := c.do(ctx, http.MethodGet, path("v1", "functions", name), nil, nil, &f)
	return f, err
}

// Functions is one part of the list of functions, by name.
func (c *Client) Functions(ctx context.Context, page slipway.Page) (slipway.List[slipway.Function], error) {
	var list slipway.List[slipway.Function]
	err := c.do(ctx, http.MethodGet, "/v1/functions", pageQuery(page), nil, &list)
	return list, err
}

// AllFunctions is every function, by name.
func (c *Client) AllFunctions(ctx context.Context) ([]slipway.Function, error) {
	return all(func(p slipway.Page) (slipway.List[slipway.Function], error) { return c.Functions(ctx, p) })
}

// Pause takes a function out of service: its instances are closed, and events are
// answered with 503 until it is resumed. Pausing one that is paused changes nothing.
func (c *Client) Pause(ctx context.Context, name string) (slipway.Function, error) {
	return c.setService(ctx, name, "pause")
}

// Resume brings a paused function back into service.
func (c *Client) Resume(ctx context.Context, name string) (slipway.Function, error) {
	return c.setService(ctx, name, "resume")
}

func (c *Client) setService(ctx context.Context, name, act string) (slipway.Function, error) {
	var f slipway.Function
	err := c.do(ctx, http.MethodPost, path("v1", "functions", name, act), nil, nil, &f)
	return f, err
}

// DeleteFunction deletes a function with everything below it.
func (c *Client) DeleteFunction(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, path("v1", "functions", name), nil, nil, nil)
}
