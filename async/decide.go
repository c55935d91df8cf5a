package async

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/slipway-run/slipway"
)

// The waits of an event that the platform could not run.
const (
	firstPutBack = time.Second
	lastPutBack  = 5 * time.Minute
)

// patientWithUnknown is how often a function, version or alias that is not found is
// looked for again: a gateway may not have heard of it yet.
const patientWithUnknown = 5

// decide says how a turn ended and what is next for its event.
func decide(t slipway.Turn, o ending, s slipway.Async, owner string, now time.Time) slipway.TurnEnd {
	end := slipway.TurnEnd{
		ID: t.ID, Owner: owner, Attempt: t.Attempt, At: now, Failed: t.Failed, PutBack: t.PutBack,
		Record: slipway.InvocationAttempt{Attempt: t.Attempt, Version: o.outcome.Version, StartedAt: t.StartedAt, EndedAt: &now, Instance: o.instance, CPU: o.cpu},
	}
	switch {
	case o.platform != nil:
		end.Error = o.platform
		afterPlatformError(&end, t, o, now)
	case o.outcome.Error != nil:
		end.Error, end.PutBack, end.Failed = o.outcome.Error, 0, t.Failed+1
		afterFailure(&end, t, s, now)
	default:
		end.PutBack, end.State, end.Destination = 0, slipway.InvocationSucceeded, s.OnSuccess
	}
	end.Record.Error = end.Error
	if end.State.Ended() {
		result := o.outcome
		result.State, result.Error = end.State, end.Error
		end.Result = &result
	}
	if end.State == slipway.InvocationFailed || end.State == slipway.InvocationExpired {
		end.Destination = s.OnFailure
	}
	return end
}

// afterFailure follows the rules of the function.
func afterFailure(end *slipway.TurnEnd, t slipway.Turn, s slipway.Async, now time.Time) {
	wait, again := s.Retry(end.Error, end.Failed)
	switch {
	case !again:
		end.State = slipway.InvocationFailed
	case !now.Add(wait).Before(t.ExpiresAt):
		end.State = slipway.InvocationExpired // its next attempt would be too late
	default:
		end.State, end.NextAt = slipway.InvocationQueued, now.Add(wait)
	}
}

// afterPlatformError puts the event back, unless trying again cannot help.
func afterPlatformError(end *slipway.TurnEnd, t slipway.Turn, o ending, now time.Time) {
	switch err := o.cause; {
	case errors.Is(err, errCancelled):
		end.State = slipway.InvocationCancelled
		end.Error = &slipway.InvocationError{Type: "cancelled", Message: err.Error(), Platform: true}
		return
	case errors.Is(err, errStopping):
		end.State, end.NextAt = slipway.InvocationQueued, now
		end.Error = &interrupted
		return
	case errors.Is(err, slipway.ErrInvalid), errors.Is(err, slipway.ErrTooLarge),
		errors.Is(err, slipway.ErrNotFound) && t.PutBack >= patientWithUnknown:
		end.State = slipway.InvocationFailed
		return
	}
	end.State, end.PutBack = slipway.InvocationQueued, t.PutBack+1
	end.NextAt = now.Add(putBackWait(t.PutBack, slipway.RetryAfter(o.cause)))
	if end.NextAt.After(t.ExpiresAt) {
		end.NextAt = t.ExpiresAt
	}
}

// putBackWait doubles from a second to five minutes, and differs a little from event to
// event, so that those that were refused together do not come again together.
func putBackWait(before int, asked time.Duration) time.Duration {
	wait := min(max(firstPutBack<<min(before, 20), asked), lastPutBack)
	return wait - time.Duration(rand.Int64N(int64(wait)/4+1))
}

// interrupted is the error of an attempt whose engine stopped or died.
var interrupted = slipway.InvocationError{
	Type: "interrupted", Message: "the platform stopped while the function had the event; it may have run", Platform: true,
}

// expired is the error of an event that became too old.
func expiredError(maxAge time.Duration) *slipway.InvocationError {
	return &slipway.InvocationError{Type: "expired", Message: "the event was not done " + maxAge.String() + " after it was accepted (async.max_age)", Platform: true}
}
