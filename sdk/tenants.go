package sdk

import (
	"context"
	"net/http"

	"github.com/slipway-run/slipway"
)

// PutTenant makes a tenant or sets its limits. Like all calls about tenants it needs a
// key of the default one.
func (c *Client) PutTenant(ctx context.Context, name string, maxConcurrency int) (slipway.Tenant, error) {
	body := struct {
		MaxConcurrency int `json:"max_concurrency"`
	}{maxConcurrency}
	var t slipway.Tenant
	err := c.do(ctx, http.MethodPut, path("v1", "tenants", name), nil, body, &t)
	return t, err
}

// Tenant is one tenant. One's own may be asked for with any admin key.
func (c *Client) Tenant(ctx context.Context, name string) (slipway.Tenant, error) {
	var t slipway.Tenant
	err := c.do(ctx, http.MethodGet, path("v1", "tenants", name), nil, nil, &t)
	return t, err
}

// Tenants are all tenants, by name.
func (c *Client) Tenants(ctx context.Context) ([]slipway.Tenant, error) {
	var list slipway.List[slipway.Tenant]
	err := c.do(ctx, http.MethodGet, "/v1/tenants", nil, nil, &list)
	return list.Items, err
}

// DeleteTenant deletes a tenant that has no functions, with its keys.
func (c *Client) DeleteTenant(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, path("v1", "tenants", name), nil, nil, nil)
}
