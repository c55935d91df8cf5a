package async

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

const (
	perClean    = 1000          // records that one transaction ends or forgets
	blobOrphans = 1 * time.Hour // after which a blob that no invocation names has no owner any more
)

// expire ends queued events that have become too old.
func (e *Engine) expire(ctx context.Context) error {
	for {
		now := e.cfg.Now()
		overdue, err := e.parts.Store.OverdueEvents(ctx, now, perClean)
		if err != nil || len(overdue) == 0 {
			return err
		}
		ends := make([]slipway.TurnEnd, len(overdue))
		for i, t := range overdue {
			s := e.settings(ctx, t.Ref(), "")
			ends[i] = slipway.TurnEnd{
				ID: t.ID, Attempt: t.Attempt, State: slipway.InvocationExpired, At: now, Failed: t.Failed, PutBack: t.PutBack,
				Error: expiredError(s.MaxAge.D()), Destination: s.OnFailure,
			}
		}
		if _, err := e.parts.Store.EndTurns(ctx, ends); err != nil {
			return err
		}
		e.delivery.ring()
	}
}

// settled says whether all events that were accepted until now are in the store: one that
// still is in the stream names its blob in no record. Those that come meanwhile have blobs
// that are younger than blobOrphans.
func (e *Engine) settled(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	err := e.parts.Intake.Settle(ctx)
	if errors.Is(err, slipway.ErrTimeout) { // another time
		return false, nil
	}
	return err == nil, err
}

// clean forgets old records, and removes payloads that no record needs.
func (e *Engine) clean(ctx context.Context) error {
	for {
		n, err := e.parts.Store.PruneInvocations(ctx, e.cfg.Now().Add(-e.cfg.Retention), perClean)
		if err != nil {
			return err
		}
		if n < perClean {
			break
		}
	}
	if settled, err := e.settled(ctx); err != nil || !settled {
		return err
	}
	unused, err := e.parts.Store.UnusedBlobs(ctx, e.cfg.Now().Add(-blobOrphans), perClean)
	if err != nil {
		return err
	}
	for _, digest := range unused {
		err := e.parts.Blobs.Delete(ctx, digest)
		if err != nil && !errors.Is(err, slipway.ErrNotFound) {
			return err
		}
		if err := e.parts.Store.ForgetBlob(ctx, digest); err != nil {
			return err
		}
	}
	return nil
}
