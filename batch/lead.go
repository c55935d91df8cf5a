package batch

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

// lead schedules whenever no other engine does, until ctx ends.
func (e *Engine) lead(ctx context.Context) {
	for ctx.Err() == nil {
		lease, err := e.acquire(ctx)
		if err == nil {
			err = e.schedule(ctx, lease)
		}
		if err != nil && ctx.Err() == nil {
			e.log.Warn("the scheduling of jobs begins again from what is stored", "err", err)
			e.pause(ctx, e.cfg.LeaseTTL/6)
		}
	}
}

func (e *Engine) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// acquire takes the lease, once nobody has it or its holder is silent. Whether it is
// silent is seen by its beat, so that the clocks of two machines need not agree.
func (e *Engine) acquire(ctx context.Context) (slipway.JobLease, error) {
	var seen slipway.JobLease
	var since time.Time
	for {
		now, err := e.store.JobLease(ctx)
		if err != nil {
			return now, err
		}
		if now != seen {
			seen, since = now, time.Now()
		}
		if now.Holder == "" || now.Holder == e.cfg.ID || time.Since(since) > e.cfg.LeaseTTL {
			lease, err := e.store.TakeJobLease(ctx, e.cfg.ID, now)
			if err == nil || !errors.Is(err, slipway.ErrConflict) {
				return lease, err
			}
		}
		e.pause(ctx, e.cfg.LeaseTTL/6)
		if ctx.Err() != nil {
			return seen, ctx.Err()
		}
	}
}

// schedule is one time as the scheduler: until ctx ends, the lease is lost, or something
// cannot be written.
func (e *Engine) schedule(ctx context.Context, lease slipway.JobLease) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := newScheduler(e, lease.Epoch)
	if err := s.load(ctx); err != nil {
		return err
	}
	e.log.Info("schedules jobs", "epoch", lease.Epoch, "jobs", len(s.book.Jobs()))
	err := s.run(ctx, cancel)
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	// Another gateway need not wait for the lease to grow old.
	free, done := context.WithTimeout(context.WithoutCancel(ctx), e.cfg.LeaseTTL)
	defer done()
	return errors.Join(err, e.store.FreeJobLease(free, lease.Epoch))
}

// beat renews the lease; when it is another's, or cannot be renewed for its time, that is
// the end.
func (e *Engine) beat(ctx context.Context, epoch int64, cancel context.CancelCauseFunc) {
	last := time.Now()
	for {
		e.pause(ctx, e.cfg.LeaseTTL/3)
		if ctx.Err() != nil {
			return
		}
		err := e.store.BeatJobLease(ctx, epoch)
		switch {
		case err == nil:
			last = time.Now()
		case errors.Is(err, slipway.ErrConflict) || time.Since(last) > e.cfg.LeaseTTL:
			cancel(err)
			return
		}
	}
}
