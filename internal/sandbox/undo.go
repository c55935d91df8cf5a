package sandbox

import (
	"errors"
	"slices"
)

// undo is what to take back, in the order it was done.
type undo []func() error

func (u *undo) add(f func() error) { *u = append(*u, f) }

// run takes everything back, the last first, and stops at nothing.
func (u *undo) run() error {
	var errs []error
	for _, f := range slices.Backward(*u) {
		errs = append(errs, f())
	}
	*u = nil
	return errors.Join(errs...)
}
