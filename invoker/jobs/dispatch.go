package jobs

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/slipway-run/slipway"
)

// maxClosing is how many sandboxes of ended attempts may still be there: removing them is
// nobody's hurry, but must keep up.
const maxClosing = 64

// thousandths is a number of vCPUs that can be added up without a rest.
func thousandths(vcpus float64) int64 { return int64(math.Round(vcpus * 1000)) }

func tooLarge(a slipway.Assignment, c Config) string {
	return fmt.Sprintf("it needs %g vCPUs and %d MiB, and this machine has %g and %d", a.CPU, a.MemoryMB, c.CPU, c.MemoryMB)
}

// dispatch begins attempts whenever there is room, until ctx ends; they live in life.
func (r *Runner) dispatch(ctx, life context.Context) {
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	leftover := r.leftovers.Leftover()
	for ctx.Err() == nil {
		for r.beginNext(life) {
		}
		freed := leftover
		if r.blocked() { // so that its patience ends although nothing happens
			retry.Reset(r.cfg.Patience / 4)
		} else { // every event of a function would be heard
			freed = nil
		}
		select {
		case <-r.wake:
		case <-freed:
			wait(ctx, lookPause)
		case <-retry.C:
		case <-ctx.Done():
		}
	}
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// beginNext begins the first attempt of the backlog, if it has room.
func (r *Runner) beginNext(life context.Context) bool {
	if r.reports.behind() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.backlog.first()
	if w == nil || r.draining || r.starting >= r.cfg.Starts || r.closing >= maxClosing || r.cpu+thousandths(w.CPU) > thousandths(r.cfg.CPU) {
		return false
	}
	loan, ok := r.leftovers.Borrow(slipway.Borrowing{
		MemoryMB: w.MemoryMB, Priority: w.Priority, Recallable: w.Preemption == slipway.PreemptRequeue,
	})
	if !ok {
		return r.keepWaiting(w)
	}
	r.begin(life, w, loan)
	return true
}

// keepWaiting says whether the first of the backlog is another one now: what has waited too
// long for memory is refused, so that it can begin elsewhere. mu is held.
func (r *Runner) keepWaiting(w *work) bool {
	now := time.Now()
	if w.since.IsZero() {
		w.since = now
	}
	if now.Sub(w.since) < r.cfg.Patience {
		return false
	}
	recallable, fixed := r.leftovers.Spare()
	free := fixed
	if w.Preemption == slipway.PreemptRequeue {
		free = recallable
	}
	r.refuse(w, r.backlog.take(w), fmt.Sprintf("it needs %d MiB, and functions and jobs left %d", w.MemoryMB, free))
	r.signal()
	return true
}

// blocked says whether the first of the backlog waits for memory.
func (r *Runner) blocked() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.backlog.first()
	return w != nil && !w.since.IsZero()
}

// begin gives the next child of w its share of the room. mu is held.
func (r *Runner) begin(life context.Context, w *work, loan slipway.Loan) {
	r.numbers++
	a := &attempt{
		runner: r, work: w, index: r.backlog.take(w), number: r.numbers,
		loan: loan, cpu: thousandths(w.CPU), news: make(chan struct{}, 1),
	}
	if twin := r.active[a.key()]; twin != nil { // a scheduler that gave it twice hears of the first
		r.log.Warn("an attempt was given twice, and is run once", "job", w.Job, "index", a.index, "attempt", w.Attempt)
		loan.Return()
		return
	}
	r.active[a.key()] = a
	r.cpu += a.cpu
	r.starting++
	r.attempts.Go(func() { a.live(life) })
	r.signal()
}

// startOver says that an attempt is not on its way to its start any more.
func (r *Runner) startOver() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starting--
	ring(r.wake)
}

// begun says that the process of an attempt runs.
func (r *Runner) begun(a *attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.running = true
	ring(r.wake)
	ring(r.moved)
}

// leave takes an attempt that has ended out of the room; its memory it keeps until close.
func (r *Runner) leave(a *attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.running = false
	delete(r.active, a.key())
	r.cpu -= a.cpu
	r.closing++
	ring(r.moved)
	r.signal()
}

// gone says that nothing is left of an attempt.
func (r *Runner) gone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closing--
	r.signal()
}

// stoodStill says that an attempt was frozen, or goes on.
func (r *Runner) stoodStill(a *attempt, still bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.still = still
	r.signal()
}

// signal says that Room has changed, and has the dispatcher look.
func (r *Runner) signal() {
	ring(r.changed)
	ring(r.wake)
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
