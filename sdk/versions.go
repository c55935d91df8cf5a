package sdk

import (
	"context"
	"net/http"
	"strconv"

	"github.com/slipway-run/slipway"
)

// Versions is one part of the list of a function's versions, newest first.
func (c *Client) Versions(ctx context.Context, function string, page slipway.Page) (slipway.List[slipway.Version], error) {
	var list slipway.List[slipway.Version]
	err := c.do(ctx, http.MethodGet, path("v1", "functions", function, "versions"), pageQuery(page), nil, &list)
	return list, err
}

// Version is one version.
func (c *Client) Version(ctx context.Context, function string, number int) (slipway.Version, error) {
	var v slipway.Version
	err := c.do(ctx, http.MethodGet, path("v1", "functions", function, "versions", strconv.Itoa(number)), nil, nil, &v)
	return v, err
}

// Rollback puts an earlier version live: the ready one before the live one when number
// is 0, else that one.
func (c *Client) Rollback(ctx context.Context, function string, number int) (slipway.Version, error) {
	body := struct {
		Version int `json:"version,omitempty"`
	}{number}
	var v slipway.Version
	err := c.do(ctx, http.MethodPost, path("v1", "functions", function, "rollback"), nil, body, &v)
	return v, err
}
