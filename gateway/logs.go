package gateway

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// maxLogLines bounds one answer that does not follow.
const maxLogLines = 100_000

// getLogs gives what a function printed: as NDJSON, or with follow as Server-Sent
// Events that go on as it comes.
func (g *Gateway) getLogs(c *call) error {
	ref, err := c.function()
	if err != nil {
		return err
	}
	query, err := c.logQuery()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if _, err := g.store.Function(ctx, ref); err != nil {
		return err
	}
	if query.Follow {
		return g.followLogs(c, ref, query)
	}
	c.Response().Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(c.Response())
	err = g.bus.Logs(ctx, ref, query, func(line slipway.LogLine) error { return enc.Encode(line) })
	if err == nil && !c.Response().Committed {
		c.Response().WriteHeader(http.StatusOK)
	}
	return err
}

func (c *call) logQuery() (q bus.LogQuery, err error) {
	if q.Follow, err = c.flag("follow"); err != nil {
		return q, err
	}
	if q.Limit, err = c.number("limit", 1, maxLogLines); err != nil {
		return q, err
	}
	q.Since, err = c.since()
	return q, err
}

func (g *Gateway) followLogs(c *call, ref slipway.FunctionRef, query bus.LogQuery) error {
	return follow(c, g, "log", func(ctx context.Context, give func(slipway.LogLine) error) error {
		return g.bus.Logs(ctx, ref, query, give)
	})
}
