package sdk

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
)

// AddKey makes a key. Its Secret is in this answer and cannot be had again. expires may
// be nil.
func (c *Client) AddKey(ctx context.Context, scopes []string, expires *time.Time) (slipway.Key, error) {
	body := struct {
		Scopes    []string   `json:"scopes,omitempty"`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
	}{scopes, expires}
	var k slipway.Key
	err := c.do(ctx, http.MethodPost, "/v1/keys", nil, body, &k)
	return k, err
}

// Keys are the keys of the tenant, without their secrets.
func (c *Client) Keys(ctx context.Context) ([]slipway.Key, error) {
	var list slipway.List[slipway.Key]
	err := c.do(ctx, http.MethodGet, "/v1/keys", nil, nil, &list)
	return list.Items, err
}

// DeleteKey deletes a key. Other gateways know of it after 5 s at most.
func (c *Client) DeleteKey(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, path("v1", "keys", id), nil, nil, nil)
}
