package ledger

import (
	"cmp"
	"slices"
	"time"

	"github.com/slipway-run/slipway"
)

// Loan is memory that a job has while functions do not need it. It is promised as a
// member's is.
type Loan struct {
	slipway.Borrowing
	borrower Borrower
	number   int64 // in the order of loans
	recalled bool
}

// Borrower is who has a loan.
type Borrower interface {
	// Recall is called once, during an event, when functions need the memory: the loan
	// is to be returned. It must not call the ledger.
	Recall()
}

// Lend gives memory that no function waits for, or nil: what members hold is not taken
// from them, what is wanted ahead or was reclaimed is left free, and loans that cannot be
// recalled leave room for functions (see Config.Reserve). Members that stand by although
// they are idle for longer than they are worth keeping are closed for it; their memory is
// there when they are gone.
func (l *Ledger) Lend(b slipway.Borrowing, borrower Borrower, now time.Time) *Loan {
	if l.draining || l.awaited(now) || !b.Recallable && l.fixed > 0 && l.fixed+b.MemoryMB > l.lendable() {
		return nil
	}
	if short := b.MemoryMB - l.Spare(); l.cfg.MemoryMB > 0 && short > 0 {
		l.dismiss(short-l.closing, now)
		return nil
	}
	loan := &Loan{Borrowing: b, borrower: borrower, number: l.numbers}
	l.numbers++
	l.loans[loan] = struct{}{}
	l.promised += b.MemoryMB
	if !b.Recallable {
		l.fixed += b.MemoryMB
	}
	return loan
}

// Return takes a loan back. Who waits for its memory gets it.
func (l *Ledger) Return(loan *Loan, now time.Time) {
	delete(l.loans, loan)
	l.promised -= loan.MemoryMB
	if loan.recalled {
		l.recalling -= loan.MemoryMB
	}
	if !loan.Recallable {
		l.fixed -= loan.MemoryMB
	}
	l.freedAt = now
	l.settleBlocked(now)
}

// Spare is how much memory can be lent now, in MiB: what is free but for what is missing
// of what is wanted ahead, and what reclaimed members need when they thaw.
func (l *Ledger) Spare() int {
	spare := l.FreeMemoryMB() - l.given
	for _, v := range l.versions {
		spare -= max(0, v.ahead-v.staying()) * v.spec.Config.MemoryMB
	}
	return max(0, spare)
}

// Fixed is how much of it can be lent to who does not give it back before the end, in MiB,
// but for a single one, which gets more.
func (l *Ledger) Fixed() int {
	return min(l.Spare(), max(0, l.lendable()-l.fixed))
}

// lendable bounds the sum of the loans that cannot be recalled, but for a single one.
func (l *Ledger) lendable() int {
	if l.cfg.MemoryMB == 0 {
		return int(^uint(0) >> 1)
	}
	return l.cfg.MemoryMB - int(max(0, l.cfg.Reserve)*float64(l.cfg.MemoryMB))
}

// awaited says whether a function waits for room, or for its turn to start.
func (l *Ledger) awaited(now time.Time) bool {
	for _, since := range l.blocked {
		if !l.stalled(since, now) {
			return true
		}
	}
	return false
}

// dismiss closes members that stay only because nobody needs their room, of versions on
// standby, when they hold so much.
func (l *Ledger) dismiss(need int, now time.Time) {
	var idle candidates
	for _, c := range l.candidates(nil, now) {
		if c.m.version.standby && !now.Before(c.m.version.expiry(c.m)) {
			idle = append(idle, c)
		}
	}
	if idle.memory() < need {
		return
	}
	for need > 0 {
		m := idle.takeLeast()
		need -= m.memoryMB
		l.close(m)
	}
}

// recallable is how much memory can be had back from jobs, in MiB.
func (l *Ledger) recallable() int {
	sum := 0
	for loan := range l.loans {
		if loan.Recallable && !loan.recalled {
			sum += loan.MemoryMB
		}
	}
	return sum
}

// recall has loans returned that hold so much memory: those of the lowest priority first,
// and of the same the latest. Those without which it is enough stay.
func (l *Ledger) recall(need int) {
	var chosen []*Loan
	for _, loan := range l.ranked() {
		if need <= 0 {
			break
		}
		chosen = append(chosen, loan)
		need -= loan.MemoryMB
	}
	for _, loan := range slices.Backward(chosen) {
		if need+loan.MemoryMB <= 0 {
			need += loan.MemoryMB
			continue
		}
		loan.recalled = true
		l.recalling += loan.MemoryMB
		loan.borrower.Recall()
	}
}

// ranked lists the loans that can be recalled, the one to go first first.
func (l *Ledger) ranked() []*Loan {
	all := make([]*Loan, 0, len(l.loans))
	for loan := range l.loans {
		if loan.Recallable && !loan.recalled {
			all = append(all, loan)
		}
	}
	slices.SortFunc(all, func(a, b *Loan) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.number, a.number))
	})
	return all
}
