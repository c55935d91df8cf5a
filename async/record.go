package async

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

// end is the end of a turn on its way into the store.
type end struct {
	slipway.TurnEnd
	ref     slipway.FunctionRef
	refused bool
}

// finish decides about a turn and has it recorded. The event's place is free when it is.
func (e *Engine) finish(t slipway.Turn, o ending) {
	s := e.settings(context.Background(), t.Ref(), t.Qualifier)
	e.ends <- end{decide(t, o, s.Async, e.id, e.cfg.Now()), t.Ref(), o.refused()}
}

// settings are those of a function, or the defaults of one that is gone.
func (e *Engine) settings(ctx context.Context, ref slipway.FunctionRef, qualifier string) slipway.AsyncSettings {
	s, err := e.parts.Functions.AsyncSettings(ctx, ref, qualifier)
	if err != nil && qualifier != "" {
		s, err = e.parts.Functions.AsyncSettings(ctx, ref, "")
	}
	if err != nil {
		return slipway.AsyncSettings{Async: slipway.DefaultConfig().Async, Capacity: 1}
	}
	return s
}

// unwritable is the end of a turn whose outcome the store refuses for what is in it.
func unwritable(end slipway.TurnEnd) slipway.TurnEnd {
	end.State, end.Result, end.Destination = slipway.InvocationFailed, nil, ""
	end.Error = &slipway.InvocationError{Type: "internal", Message: "the outcome could not be written", Platform: true}
	end.Record.Error, end.Record.Instance = end.Error, ""
	return end
}

// perRecord is the most ends that one transaction records.
const perRecord = 500

// recordAgain is the pause after the store did not take what it was given.
const recordAgain = 250 * time.Millisecond

// record writes ends, in groups: what ends while one group is written is the next.
func (e *Engine) record(ctx context.Context) {
	for first := range e.ends {
		group := []end{first}
	gather:
		for len(group) < perRecord {
			select {
			case next, ok := <-e.ends:
				if !ok {
					break gather
				}
				group = append(group, next)
			default:
				break gather
			}
		}
		e.recordGroup(ctx, group)
	}
}

// recordGroup tries until the store has taken the group. An outcome that is known is not
// given up: until it is recorded, the event's place stays taken.
func (e *Engine) recordGroup(ctx context.Context, group []end) {
	ends := make([]slipway.TurnEnd, len(group))
	for i := range group {
		ends[i] = group[i].TurnEnd
	}
	recorded, err := e.parts.Store.EndTurns(ctx, ends)
	if errors.Is(err, slipway.ErrInvalid) && len(group) > 1 { // one of them cannot be written: the others can
		for i := range group {
			e.recordGroup(ctx, group[i:i+1])
		}
		return
	}
	if errors.Is(err, slipway.ErrInvalid) {
		e.log.Error("an outcome cannot be written as it is; it is recorded as failed", "invocation", ends[0].ID, "err", err)
		ends[0] = unwritable(ends[0])
		group[0].TurnEnd = ends[0]
		recorded, err = e.parts.Store.EndTurns(ctx, ends)
	}
	for tries := 0; err != nil && ctx.Err() == nil; tries++ {
		if tries%20 == 0 {
			e.log.Warn("outcomes wait to be recorded; trying again", "outcomes", len(ends), "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(recordAgain):
		}
		recorded, err = e.parts.Store.EndTurns(ctx, ends)
	}
	now := e.cfg.Now()
	for i, end := range group {
		if i < len(recorded) && !recorded[i] {
			e.discarded.Add(1)
			e.log.Info("an outcome came too late: another engine has the event", "invocation", end.ID, "attempt", end.Attempt)
		} else if end.State.Ended() {
			e.outcomes.add(end.ref, end.State)
		}
		if end.Destination != "" {
			e.delivery.ring()
		}
		e.queues.ended(end.ref, now, end.refused, end.NextAt)
	}
	e.pending.ring()
}
