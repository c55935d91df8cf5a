package sdk

import (
	"context"
	"net/http"

	"github.com/slipway-run/slipway"
)

// AliasTarget is where an alias goes.
type AliasTarget struct {
	Version int             `json:"version"`
	Weights map[int]float64 `json:"weights,omitempty"` // at most one other version and its share
	Canary  *slipway.Canary `json:"canary,omitempty"`  // how the share grows by itself, from its first step; the weight may be 0 then
}

// PutAlias makes or moves an alias.
func (c *Client) PutAlias(ctx context.Context, function, alias string, to AliasTarget) (slipway.Alias, error) {
	var a slipway.Alias
	err := c.do(ctx, http.MethodPut, path("v1", "functions", function, "aliases", alias), nil, to, &a)
	return a, err
}

// Alias is one alias.
func (c *Client) Alias(ctx context.Context, function, alias string) (slipway.Alias, error) {
	var a slipway.Alias
	err := c.do(ctx, http.MethodGet, path("v1", "functions", function, "aliases", alias), nil, nil, &a)
	return a, err
}

// Aliases are the aliases of a function, by name.
func (c *Client) Aliases(ctx context.Context, function string) ([]slipway.Alias, error) {
	var list slipway.List[slipway.Alias]
	err := c.do(ctx, http.MethodGet, path("v1", "functions", function, "aliases"), nil, nil, &list)
	return list.Items, err
}

// DeleteAlias deletes an alias; live cannot be deleted.
func (c *Client) DeleteAlias(ctx context.Context, function, alias string) error {
	return c.do(ctx, http.MethodDelete, path("v1", "functions", function, "aliases", alias), nil, nil, nil)
}
