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
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	defer context.AfterFunc(g.following, cancel)()
	s := startEvents(c.Response())
	lines := make(chan slipway.LogLine)
	ended := make(chan error, 1)
	go func() {
		ended <- g.bus.Logs(ctx, ref, query, func(line slipway.LogLine) error {
			select {
			case lines <- line:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	for {
		err := s.quietly(ctx, func(quiet context.Context) error {
			select {
			case line := <-lines:
				return s.send("log", line)
			case err := <-ended:
				return endOfLogs{err}
			case <-quiet.Done():
				return quiet.Err()
			}
		})
		if end, ok := err.(endOfLogs); ok && end.error != nil && ctx.Err() == nil {
			s.send("error", describe(end.error, c.id))
		}
		if err != nil {
			return nil
		}
	}
}

// endOfLogs says that the source ended, and not the client.
type endOfLogs struct{ error }
