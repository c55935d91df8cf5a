package slipway

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"time"
)

// AsyncRule says what happens after an attempt that ended with a certain error.
type AsyncRule struct {
	Error    string   `json:"error"`              // type of the function's error; a trailing * matches any rest
	Action   string   `json:"action"`             // retry or fail
	Attempts int      `json:"attempts,omitempty"` // with retry: instead of async.attempts, 1 to 10
	Backoff  Duration `json:"backoff,omitempty"`  // with retry: instead of async.backoff, up to 1h
}

// The actions of an AsyncRule.
const (
	AsyncRetry = "retry"
	AsyncFail  = "fail"
)

// UnmarshalJSON begins with an empty rule: encoding/json would lay the document over
// whatever rule stood at the same place of the list before.
func (r *AsyncRule) UnmarshalJSON(b []byte) error {
	type plain AsyncRule
	var p plain
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return decodeError(fmt.Errorf("async.rules: %w", err))
	}
	*r = AsyncRule(p)
	return nil
}

const maxAsyncRules = 20

func (a Async) check() error {
	const hour = Duration(time.Hour)
	err := cmp.Or(
		within("async.attempts", a.Attempts, 1, 10),
		within("async.backoff", a.Backoff, 0, hour),
		within("async.max_backoff", a.MaxBackoff, 0, 6*hour),
		within("async.max_age", a.MaxAge, Duration(time.Minute), 6*hour),
		checkDestination("async.on_success", a.OnSuccess),
		checkDestination("async.on_failure", a.OnFailure),
	)
	if err == nil && len(a.Rules) > maxAsyncRules {
		err = Errorf(ErrInvalid, "async.rules: %d rules; at most %d are allowed", len(a.Rules), maxAsyncRules)
	}
	for i, rule := range a.Rules {
		if err == nil {
			err = rule.check(fmt.Sprintf("async.rules[%d]", i))
		}
	}
	return err
}

func (r AsyncRule) check(field string) error {
	if r.Error == "" {
		return Errorf(ErrInvalid, "%s.error: a type of error is needed, as in \"ValidationError\" or \"HTTP.4*\"", field)
	}
	if r.Action == AsyncFail && (r.Attempts != 0 || r.Backoff != 0) {
		return Errorf(ErrInvalid, "%s: attempts and backoff go with the action retry only", field)
	}
	return cmp.Or(
		checkNoNUL(field+".error", r.Error),
		oneOf(field+".action", r.Action, AsyncRetry, AsyncFail),
		within(field+".attempts", r.Attempts, 0, 10),
		within(field+".backoff", r.Backoff, 0, Duration(time.Hour)),
	)
}

// Retry says whether an event gets another attempt, and after which wait. failed counts
// the attempts that ended with an error of the function, the one with err among them.
func (a Async) Retry(err *InvocationError, failed int) (wait time.Duration, again bool) {
	attempts, backoff := a.Attempts, a.Backoff.D()
	for _, rule := range a.Rules {
		if !err.Matches(rule.Error) {
			continue
		}
		if rule.Action == AsyncFail {
			return 0, false
		}
		attempts = cmp.Or(rule.Attempts, attempts)
		backoff = cmp.Or(rule.Backoff.D(), backoff)
		break
	}
	if failed >= attempts {
		return 0, false
	}
	for range failed - 1 {
		backoff *= 2
	}
	return min(backoff, a.MaxBackoff.D()), true
}
