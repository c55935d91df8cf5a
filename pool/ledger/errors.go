package ledger

import (
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

// errSoon says that no start is possible now, and will be without anybody's doing.
var errSoon = errors.New("room comes soon")

// retrySoon is the Retry-After of what passes within moments.
const retrySoon = time.Second

func unavailable(format string, args ...any) *slipway.Error {
	err := slipway.Errorf(slipway.ErrUnavailable, format, args...)
	err.RetryAfter = retrySoon
	return err
}

func errDraining() error {
	return unavailable("this invoker is shutting down; try again")
}

func errQueueFull(v *version, waiting int) error {
	err := slipway.Errorf(slipway.ErrLimit, "%d invocations wait for function %q already, and it has all %d instances it may have; raise scaling.max or scaling.concurrency, or send less at once",
		waiting, v.spec.Function, v.bound())
	err.RetryAfter = retrySoon
	return err
}

func errTooBig(v *version, machine int) error {
	return slipway.Errorf(slipway.ErrUnavailable, "an instance of function %q needs %d MiB and this machine gives its instances %d in all; lower memory_mb or add a larger machine",
		v.spec.Function, v.spec.Config.MemoryMB, machine)
}

func errNoRoom(v *version, free int) error {
	return unavailable("no room for an instance of function %q: it needs %d MiB, %d are free, and nothing idle can be stopped; try again, or add a machine",
		v.spec.Function, v.spec.Config.MemoryMB, free)
}

// errBackOff repeats the reason of the last failure until the next start may be tried.
func errBackOff(v *version, now time.Time) error {
	err := unavailable("function %q does not start (%d times in a row), the next try is in %s: %w",
		v.spec.Function, v.failures, v.retryAt.Sub(now).Round(time.Millisecond), v.failure)
	err.RetryAfter = v.retryAt.Sub(now)
	return err
}

func errEndedEarly(m *Member) error {
	return slipway.Errorf(slipway.ErrUnavailable, "an instance of function %q ended before it got its first event; see the function's logs", m.spec.Function)
}
