package gateway

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// getJobLogs gives what a job printed, of an array all children: as NDJSON, or with
// follow as Server-Sent Events until the job has ended.
func (g *Gateway) getJobLogs(c *call) error {
	query, err := c.logQuery()
	if err != nil {
		return err
	}
	attempt, err := c.number("attempt", 1, 1_000_000)
	if err != nil {
		return err
	}
	if query.Follow && query.Limit > 0 {
		return slipway.Errorf(slipway.ErrInvalid, "limit: %d is not allowed with follow; leave out one of them", query.Limit)
	}
	job, err := g.job(c)
	if err != nil {
		return err
	}
	read := g.jobLog(job, attempt)
	if query.Follow {
		query.Follow = false
		return follow(c, g, "log", func(ctx context.Context, give func(slipway.JobLogLine) error) error {
			return g.followJobLog(ctx, job, read, query, give)
		})
	}
	c.Response().Header().Set("Content-Type", ndjson)
	enc := json.NewEncoder(c.Response())
	err = read(c.Request().Context(), query, func(line slipway.JobLogLine) error { return enc.Encode(line) })
	if err == nil && !c.Response().Committed {
		c.Response().WriteHeader(http.StatusOK)
	}
	return err
}

// jobLogReader gives the lines of one job, or of all children of an array.
type jobLogReader func(ctx context.Context, query bus.LogQuery, give func(slipway.JobLogLine) error) error

func (g *Gateway) jobLog(job slipway.Job, attempt int) jobLogReader {
	parent, index, _ := slipway.SplitJobID(job.ID) // it was found by that
	switch {
	case index < 0 && job.Array != nil:
		index = bus.AllChildren
	case index < 0:
		index = 0
	}
	return func(ctx context.Context, query bus.LogQuery, give func(slipway.JobLogLine) error) error {
		return g.bus.JobLogs(ctx, job.Tenant, parent, index, attempt, query, give)
	}
}

// followJobLog gives lines as they come. The log of a job that has ended is complete: it is
// read once more then, and what has been given is left out.
func (g *Gateway) followJobLog(ctx context.Context, job slipway.Job, read jobLogReader, query bus.LogQuery, give func(slipway.JobLogLine) error) error {
	given := 0
	counted := func(line slipway.JobLogLine) error {
		given++
		return give(line)
	}
	live, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- g.eachChange(live, job, func(slipway.Job) error { return nil })
		stop()
	}()
	following := query
	following.Follow = true
	err := read(live, following, counted)
	if ctx.Err() != nil || live.Err() == nil {
		return err
	}
	if err := <-ended; err != nil {
		return err
	}
	n := 0
	return read(ctx, query, func(line slipway.JobLogLine) error {
		if n++; n <= given {
			return nil
		}
		return give(line)
	})
}
