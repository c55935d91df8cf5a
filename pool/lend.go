package pool

import (
	"slices"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// Borrow lends memory to a job, if no function waits for it. It says no at once when there
// is none; who wants to try again does so after a channel of Leftover said that something changed.
func (p *Pool) Borrow(b slipway.Borrowing) (slipway.Loan, bool) {
	l := &loan{pool: p, recalled: make(chan struct{})}
	p.look(func(now time.Time) { l.loan = p.ledger.Lend(b, l, now) })
	if l.loan == nil {
		return nil, false
	}
	p.signal()
	return l, true
}

// Leftover gives a channel of the caller's own, for as long as the pool lives, that gets
// a value after what functions leave for jobs may have changed: memory, or processors.
// Changes that come while nobody receives are one.
func (p *Pool) Leftover() <-chan struct{} {
	bell := make(chan struct{}, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	bells := append(slices.Clone(p.bells()), bell)
	p.leftover.Store(&bells)
	return bell
}

// bells are the channels that were given.
func (p *Pool) bells() []chan struct{} {
	if bells := p.leftover.Load(); bells != nil {
		return *bells
	}
	return nil
}

// Demand is how many vCPUs the instances that start or have events may use, by their
// configuration.
func (p *Pool) Demand() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledger.Demand()
}

// Spare is how much memory could be lent now, in MiB: to jobs that give it back when
// functions want it, and to jobs that do not, unless there is only one. Both are 0 when the pool was given no bound.
func (p *Pool) Spare() (recallable, fixed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledger.Spare(), p.ledger.Fixed()
}

// loan is a loan of the ledger that its borrower sees.
type loan struct {
	pool     *Pool
	loan     *ledger.Loan
	recalled chan struct{}
	once     sync.Once
}

// Recall implements ledger.Borrower.
func (l *loan) Recall() { close(l.recalled) }

// Recalled implements slipway.Loan.
func (l *loan) Recalled() <-chan struct{} { return l.recalled }

// Return implements slipway.Loan.
func (l *loan) Return() {
	l.once.Do(func() { l.pool.tell(func(now time.Time) { l.pool.ledger.Return(l.loan, now) }) })
}
