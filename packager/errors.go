package packager

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	slipway "github.com/slipway-run/slipway"
)

// diskError wraps an error with the act it happened in. One that says that the disk
// of dir is full becomes ErrUnavailable; an error that has a kind keeps it.
func diskError(act, dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &slipway.Error{
			Kind:    slipway.ErrUnavailable,
			Message: fmt.Sprintf("%s: no space left in %s: free some or move --data", act, dir),
			Cause:   err,
		}
	default:
		return wrap(act, err)
	}
}

// wrap puts the act before err's message and keeps its kind: what a user sees of an
// *Error is its message alone.
func wrap(act string, err error) error {
	if err == nil {
		return nil
	}
	var known *slipway.Error
	if !errors.As(err, &known) {
		return fmt.Errorf("%s: %w", act, err)
	}
	return &slipway.Error{Kind: known.Kind, Message: act + ": " + err.Error(), RetryAfter: known.RetryAfter, Cause: err}
}

// stopped says whether err is the end of a context.
func stopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
