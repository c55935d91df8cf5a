package slipway

import (
	"errors"
	"fmt"
	"time"
)

// The kinds of error. Every error that leaves a package wraps one of them, or is
// a fault of the platform itself (ErrInternal is then implied). The gateway has
// the one table from kind to HTTP status.
var (
	ErrInvalid      = errors.New("invalid")      // the caller sent something that cannot be; say which field, value and bound
	ErrUnauthorized = errors.New("unauthorized") // no key, or a key that is not known
	ErrForbidden    = errors.New("forbidden")    // a known key that may not do this
	ErrNotFound     = errors.New("not found")
	ErrConflict     = errors.New("conflict")    // exists already, or changed meanwhile
	ErrTooLarge     = errors.New("too large")   // a body or archive over its limit
	ErrLimit        = errors.New("limit")       // a quota or concurrency limit; trying again later may work
	ErrTimeout      = errors.New("timeout")     // a deadline passed
	ErrUnavailable  = errors.New("unavailable") // no room, paused, shutting down, an invoker went away
	ErrInternal     = errors.New("internal")
)

// kinds gives each kind its public code, the word that stands in JSON and crosses
// the bus.
var kinds = []struct {
	kind error
	code string
}{
	{ErrInvalid, "invalid"},
	{ErrUnauthorized, "unauthorized"},
	{ErrForbidden, "forbidden"},
	{ErrNotFound, "not_found"},
	{ErrConflict, "conflict"},
	{ErrTooLarge, "too_large"},
	{ErrLimit, "limit"},
	{ErrTimeout, "timeout"},
	{ErrUnavailable, "unavailable"},
	{ErrInternal, "internal"},
}

// Error is an error of the platform: its kind, a message for a person that says
// what to do next, and what caused it.
type Error struct {
	Kind       error         // one of the kinds above
	Message    string        // complete: the cause is not appended when it is shown to a user
	RetryAfter time.Duration // with ErrLimit and ErrUnavailable: when trying again is worth it; 0 for unknown
	Cause      error         // may be nil
}

func (e *Error) Error() string { return e.Message }

// Unwrap makes errors.Is work for the kind and for the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// Errorf makes an Error of the given kind. %w in the format sets the cause.
func Errorf(kind error, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// Code is the public code of err's kind: "not_found" and so on; "internal" for
// an error without a kind, and "" for nil.
func Code(err error) string {
	if err == nil {
		return ""
	}
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			return k.code
		}
	}
	return "internal"
}

// KindOf is the reverse of Code; an unknown code is ErrInternal.
func KindOf(code string) error {
	for _, k := range kinds {
		if k.code == code {
			return k.kind
		}
	}
	return ErrInternal
}

// RetryAfter is the wait that an error in err's chain asks for, or 0.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
