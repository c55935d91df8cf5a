package sdk

import (
	"context"
	"net/http"

	"github.com/slipway-run/slipway"
)

// Status is what the gateway knows about the platform now.
func (c *Client) Status(ctx context.Context) (slipway.Status, error) {
	var s slipway.Status
	err := c.do(ctx, http.MethodGet, "/v1/status", nil, nil, &s)
	return s, err
}

// Ready is nil when the gateway can serve events and calls. It needs no key.
func (c *Client) Ready(ctx context.Context) error {
	return c.do(ctx, http.MethodGet, "/readyz", nil, nil, nil)
}

// Instances are the running instances of a function.
func (c *Client) Instances(ctx context.Context, function string) ([]slipway.InstanceInfo, error) {
	var list slipway.List[slipway.InstanceInfo]
	err := c.do(ctx, http.MethodGet, path("v1", "functions", function, "instances"), nil, nil, &list)
	return list.Items, err
}
