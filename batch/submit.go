package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-run/slipway"
)

const (
	submissionsAtOnce = 1000   // jobs of several callers in one transaction, about
	maxSubmission     = 10_000 // jobs of one caller
)

// submission is jobs of one caller on their way into the store.
type submission struct {
	tenant   string
	requests []slipway.JobRequest
	done     chan submitted
}

type submitted struct {
	jobs []slipway.Job
	err  error
}

// Submit accepts jobs, all or none; they are durable when it returns. A request with an
// idempotency key that its tenant has used before gives the job that was made then.
func (e *Engine) Submit(ctx context.Context, tenant string, requests []slipway.JobRequest) ([]slipway.Job, error) {
	if len(requests) == 0 || len(requests) > maxSubmission {
		return nil, slipway.Errorf(slipway.ErrInvalid, "jobs: %d are not allowed; submit 1 to %d at once", len(requests), maxSubmission)
	}
	requests = slices.Clone(requests)
	for i := range requests {
		requests[i].Queue = cmp.Or(requests[i].Queue, slipway.DefaultQueue)
		if err := requests[i].Check(); err != nil {
			return nil, which(err, i, len(requests))
		}
	}
	s := submission{tenant, requests, make(chan submitted, 1)}
	select {
	case e.submissions <- s:
	case <-ctx.Done():
		return nil, fmt.Errorf("submit jobs: %w", ctx.Err())
	}
	select {
	case r := <-s.done:
		return r.jobs, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("submit jobs: %w", ctx.Err())
	}
}

// which says about which of several requests an error is.
func which(err error, i, n int) error {
	var known *slipway.Error
	if n == 1 || !errors.As(err, &known) {
		return err
	}
	return slipway.Errorf(known.Kind, "jobs[%d]: %w", i, err)
}

// accept writes submissions, those that came meanwhile in one transaction.
func (e *Engine) accept(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-e.submissions:
			e.write(ctx, e.gather(first))
		}
	}
}

func (e *Engine) gather(first submission) []submission {
	all, n := []submission{first}, len(first.requests)
	for n < submissionsAtOnce {
		select {
		case s := <-e.submissions:
			all = append(all, s)
			n += len(s.requests)
		default:
			return all
		}
	}
	return all
}

// write looks up what a group of submissions name, and adds the jobs of those in which
// nothing is wrong.
func (e *Engine) write(ctx context.Context, all []submission) {
	r := resolver{ctx: ctx, store: e.store, queues: map[[2]string]known[slipway.Queue]{}, definitions: map[[2]string]known[slipway.JobDefinition]{}}
	var records []slipway.JobRecord
	good := all[:0]
	for _, s := range all {
		resolved, err := r.resolve(s, e.cfg.Now())
		if err != nil {
			s.done <- submitted{err: err}
			continue
		}
		records = append(records, resolved...)
		good = append(good, s)
	}
	if len(records) == 0 {
		return
	}
	stored, _, err := e.store.AddJobs(ctx, records)
	if err != nil && len(good) > 1 && !errors.Is(err, slipway.ErrUnavailable) && ctx.Err() == nil {
		for _, s := range good { // whose fault it is, alone gets the error
			e.write(ctx, []submission{s})
		}
		return
	}
	for _, s := range good {
		answer := submitted{err: err}
		for range s.requests {
			if err == nil {
				answer.jobs = append(answer.jobs, stored[0].Job())
				stored = stored[1:]
			}
		}
		s.done <- answer
	}
	if err == nil {
		if err := e.bus.RingJobs(); err != nil && !errors.Is(err, context.Canceled) {
			e.log.Debug("the scheduler learns of new jobs late", "err", err)
		}
	}
}
