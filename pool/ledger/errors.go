package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/slipway-run/slipway"
)

// What is in the way of a start or a thaw and needs nobody's doing.
var (
	errBound         = errors.New("the version has as many members as it may")
	errBlocked       = errors.New("room or a token comes soon")
	errNothingFrozen = errors.New("no member is frozen")
)

// final says whether err does not go away by itself.
func final(err error) bool { return err != nil && err != errBound && !errors.Is(err, errBlocked) }

// lentError says that room comes when jobs end, and not before.
type lentError struct{ mib int }

func (e lentError) Error() string {
	return fmt.Sprintf("jobs hold %d MiB until they end; those of queues with preemption requeue would make room", e.mib)
}

func (e lentError) Unwrap() error { return errBlocked }

// Retry-After is from what is expected, within these.
const (
	retrySoonest = time.Second
	retryLatest  = time.Minute
)

// retryAfter is when those who wait for v are expected to have been served.
func (v *version) retryAfter() time.Duration {
	slots := max(1, (v.ready-v.leaving)*v.slots())
	wait := time.Duration(float64(v.run.value) * float64(v.waiting.len()+1) / float64(slots))
	return min(max(wait, retrySoonest), retryLatest)
}

func unavailable(after time.Duration, format string, args ...any) *slipway.Error {
	err := slipway.Errorf(slipway.ErrUnavailable, format, args...)
	err.RetryAfter = after
	return err
}

// busy is the error for one who would have to wait, or has waited, for too long: the
// limit is the function's own, or the machine's.
func (l *Ledger) busy(v *version, why string) error {
	if len(v.members) < v.bound() {
		return unavailable(v.retryAfter(), "the machine is full: there is no room for another instance of function %q (%d MiB)%s, and %s; try again, or add a machine",
			v.spec.Function, v.spec.Config.MemoryMB, l.lentAway(), why)
	}
	all := fmt.Sprintf("all %d instances of function %q are busy", v.bound(), v.spec.Function)
	if v.bound() == 1 {
		all = fmt.Sprintf("the only instance of function %q is busy", v.spec.Function)
	}
	err := slipway.Errorf(slipway.ErrLimit, "%s, and %s; raise scaling.max or scaling.concurrency, or send less at once", all, why)
	err.RetryAfter = v.retryAfter()
	return err
}

func (l *Ledger) errQueueFull(v *version) error {
	return l.busy(v, fmt.Sprintf("%d invocations wait already", v.waiting.len()))
}

func (l *Ledger) errWaited(v *version) error {
	return l.busy(v, fmt.Sprintf("none came free within %s", l.cfg.MaxWait))
}

// lentAway says how much memory jobs hold for as long as they run.
func (l *Ledger) lentAway() string {
	if l.fixed == 0 {
		return ""
	}
	return fmt.Sprintf(", jobs hold %d MiB until they end (those of queues with preemption requeue would make room)", l.fixed)
}

func errDraining() error {
	return unavailable(retrySoonest, "this invoker is shutting down; try again")
}

func errTooBig(v *version, machine int) error {
	return slipway.Errorf(slipway.ErrUnavailable, "an instance of function %q needs %d MiB and this machine gives its instances %d in all; lower memory_mb or add a larger machine",
		v.spec.Function, v.spec.Config.MemoryMB, machine)
}

func errNoRoom(v *version, free int) error {
	return unavailable(retrySoonest, "no room for an instance of function %q: it needs %d MiB, %d are free, and the rest is kept for others; try again, or add a machine",
		v.spec.Function, v.spec.Config.MemoryMB, free)
}

// errBackOff repeats the reason of the last failure until the next start may be tried.
func errBackOff(v *version, now time.Time) error {
	return unavailable(v.retryAt.Sub(now), "function %q does not start (%d times in a row), the next try is in %s: %w",
		v.spec.Function, v.failures, v.retryAt.Sub(now).Round(time.Millisecond), v.failure)
}

func errEndedEarly(m *Member) error {
	return slipway.Errorf(slipway.ErrUnavailable, "an instance of function %q ended before it got its first event; see the function's logs", m.spec.Function)
}
