package cgroup

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// until asks again and again until done says yes. EBUSY is asked again too: it is
// the kernel's word for "not yet". Between two questions it waits 20 µs at first and
// never more than 1 ms.
func until(ctx context.Context, done func() (bool, error)) error {
	for wait := 20 * time.Microsecond; ; wait = min(2*wait, time.Millisecond) {
		ok, err := done()
		if ok || (err != nil && !errors.Is(err, syscall.EBUSY)) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(wait):
		}
	}
}
