package sdk

import (
	"context"
	"net/http"

	"github.com/slipway-run/slipway"
)

// PutEnvironment makes a compute environment, or lays patch over its own document, as
// [Client.PutQueue] does.
func (c *Client) PutEnvironment(ctx context.Context, name string, patch any) (slipway.ComputeEnvironment, error) {
	var e slipway.ComputeEnvironment
	err := c.do(ctx, http.MethodPut, path("v1", "compute-environments", name), nil, patch, &e)
	return e, err
}

// Environment is one compute environment.
func (c *Client) Environment(ctx context.Context, name string) (slipway.ComputeEnvironment, error) {
	var e slipway.ComputeEnvironment
	err := c.do(ctx, http.MethodGet, path("v1", "compute-environments", name), nil, nil, &e)
	return e, err
}

// Environments are all compute environments, by name.
func (c *Client) Environments(ctx context.Context) ([]slipway.ComputeEnvironment, error) {
	var list slipway.List[slipway.ComputeEnvironment]
	err := c.do(ctx, http.MethodGet, "/v1/compute-environments", nil, nil, &list)
	return list.Items, err
}

// DeleteEnvironment deletes a compute environment; one that a queue uses is
// slipway.ErrConflict.
func (c *Client) DeleteEnvironment(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, path("v1", "compute-environments", name), nil, nil, nil)
}
