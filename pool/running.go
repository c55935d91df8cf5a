package pool

import (
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// running is an instance as the ledger holds it.
type running struct {
	slipway.Instance
	took   time.Duration // its start
	closed chan struct{} // when it was removed
}

// carryOut has done what the ledger ordered, each thing by itself. p.running was raised
// for them.
func (p *Pool) carryOut(orders ledger.Orders) {
	for _, list := range []struct {
		members []*ledger.Member
		act     func(*ledger.Member)
	}{
		{orders.Thaw, p.thaw}, // somebody waits for these
		{orders.Start, p.start},
		{orders.Freeze, p.freeze},
		{orders.Reclaim, p.reclaim},
		{orders.Close, p.close},
	} {
		for _, m := range list.members {
			go func() {
				defer p.running.Done()
				list.act(m)
			}()
		}
	}
}

func (p *Pool) start(m *ledger.Member) {
	spec, began := m.Spec(), time.Now()
	instance, err := p.starter.Start(p.starting, spec)
	if err != nil {
		p.log.Info("instance could not start", "tenant", spec.Tenant, "function", spec.Function,
			"version", spec.Version, "err", err)
		p.tell(func(now time.Time) { p.ledger.StartFailed(m, err, now) })
		return
	}
	r := &running{Instance: instance, took: time.Since(began), closed: make(chan struct{})}
	p.tell(func(now time.Time) { p.ledger.Started(m, r, now) })
	go p.watch(m, r)
}

// watch tells the ledger when an instance ends by itself, or should get nothing new.
func (p *Pool) watch(m *ledger.Member, r *running) {
	for unfit := r.Unfit(); ; {
		select {
		case <-r.Done():
			p.tell(func(now time.Time) { p.ledger.Died(m, now) })
			return
		case <-unfit:
			p.tell(func(now time.Time) { p.ledger.Unfit(m, now) })
			unfit = nil // its events are waited for
		case <-r.closed:
			return
		}
	}
}

func (p *Pool) close(m *ledger.Member) {
	r := m.Instance().(*running)
	if err := r.Close(); err != nil {
		spec := m.Spec()
		p.log.Warn("instance could not be removed", "tenant", spec.Tenant, "function", spec.Function,
			"version", spec.Version, "instance", r.ID(), "err", err)
	}
	close(r.closed)
	p.tell(func(now time.Time) { p.ledger.Gone(m, now) })
}
