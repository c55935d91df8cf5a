package sdk

import (
	"context"
	"net/http"

	"github.com/slipway-run/slipway"
)

// PutQueue makes a queue, or lays patch over its own document, as RFC 7396 says. patch is
// JSON, or anything that encoding/json makes an object of: a slipway.Queue is all of it.
func (c *Client) PutQueue(ctx context.Context, name string, patch any) (slipway.Queue, error) {
	var q slipway.Queue
	err := c.do(ctx, http.MethodPut, path("v1", "queues", name), nil, patch, &q)
	return q, err
}

// Queue is one queue.
func (c *Client) Queue(ctx context.Context, name string) (slipway.Queue, error) {
	var q slipway.Queue
	err := c.do(ctx, http.MethodGet, path("v1", "queues", name), nil, nil, &q)
	return q, err
}

// Queues are all queues, by name.
func (c *Client) Queues(ctx context.Context) ([]slipway.Queue, error) {
	var list slipway.List[slipway.Queue]
	err := c.do(ctx, http.MethodGet, "/v1/queues", nil, nil, &list)
	return list.Items, err
}

// DeleteQueue deletes a queue; one with jobs that have not ended is slipway.ErrConflict.
func (c *Client) DeleteQueue(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, path("v1", "queues", name), nil, nil, nil)
}
