package gateway

import (
	"context"
	"time"

	"github.com/slipway-run/slipway"
)

// JobNews says when jobs change: package batch.
type JobNews interface {
	// Watch gives a channel with a value whenever a job, or a child of the array, may
	// have changed; several changes may be one value. A notice can be lost. stop must be
	// called.
	Watch(tenant, id string) (changed <-chan struct{}, stop func())
}

// followPace is how often a job that changes all the time is shown at most: an array's
// counts change with every child.
const followPace = 100 * time.Millisecond

// followLook is how often a job is looked at without a notice of a change, as one may have
// been lost.
const followLook = 5 * time.Second

// awaitJob is the job when it has ended, or as it is after wait.
func (g *Gateway) awaitJob(ctx context.Context, job slipway.Job, wait time.Duration) (slipway.Job, error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	defer context.AfterFunc(g.following, cancel)()
	err := g.eachChange(waiting, job, func(j slipway.Job) error { job = j; return nil })
	if waiting.Err() != nil && ctx.Err() == nil {
		err = nil
	}
	return job, err
}

// eachChange calls do with the job now and whenever it has changed, until it has ended.
func (g *Gateway) eachChange(ctx context.Context, job slipway.Job, do func(slipway.Job) error) error {
	changes, stop := g.batch.Watch(job.Tenant, job.ID)
	defer stop()
	pace := time.NewTicker(followPace)
	defer pace.Stop()
	look := time.NewTicker(followLook)
	defer look.Stop()
	for {
		now, err := g.store.Job(ctx, job.Tenant, job.ID) // after Watch, so that nothing is missed
		if err != nil {
			return err
		}
		if err := do(now); err != nil || now.Status.Ended() {
			return err
		}
		select {
		case <-changes:
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// followJob sends the job whenever it has changed, as an event job, and ends with it.
func (g *Gateway) followJob(c *call, job slipway.Job) error {
	return follow(c, g, "job", func(ctx context.Context, give func(slipway.Job) error) error {
		return g.eachChange(ctx, job, give)
	})
}
