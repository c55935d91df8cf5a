package pool

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// Acquire gives a slot of an instance of the version, as soon as there is one. limit
// bounds the version's instances beside scaling.max; 0 is no further bound. The spec
// becomes the version's: a change of scaling takes effect with it.
//
// The error is ctx's when ctx ends first, ErrLimit when all instances that the version may
// have are busy and too many wait for them, or this call did for too long, ErrUnavailable
// when it is the machine that has no room, or the pool drains, and the Starter's error
// when the instance that was started for this call could not be.
func (p *Pool) Acquire(ctx context.Context, spec slipway.Spec, limit int) (slipway.Lease, error) {
	if err := ctx.Err(); err != nil {
		return slipway.Lease{}, err
	}
	var began time.Time
	var m *ledger.Member
	var c caller
	var w *ledger.Waiter
	var err error
	p.tell(func(now time.Time) {
		began = now
		if m, err = p.ledger.Take(&spec, limit, now); m == nil && err == nil {
			c = make(caller, 1)
			w = p.ledger.Wait(spec.VersionRef, c, now)
		}
	})
	switch {
	case err != nil:
		return slipway.Lease{}, err
	case m != nil:
		return p.lease(outcome{member: m}, 0), nil
	}
	select {
	case o := <-c:
		if o.err != nil {
			return slipway.Lease{}, o.err
		}
		return p.lease(o, time.Since(began)), nil
	case <-ctx.Done():
		p.leave(w, c)
		return slipway.Lease{}, ctx.Err()
	}
}

// caller is who waits for a slot; it gets one outcome, unless it leaves.
type caller chan outcome

type outcome struct {
	member *ledger.Member // whose slot was given; nil with err
	cold   bool           // the member was new
	err    error
}

// Answer implements ledger.Caller.
func (c caller) Answer(m *ledger.Member, cold bool, err error) { c <- outcome{m, cold, err} }

// leave takes w out of its queue. A slot that was granted meanwhile is given back.
func (p *Pool) leave(w *ledger.Waiter, c caller) {
	p.tell(func(now time.Time) {
		if p.ledger.Leave(w, now) {
			return
		}
		if o := <-c; o.member != nil {
			p.ledger.GiveBack(o.member, now)
		}
	})
}

func (p *Pool) lease(o outcome, waited time.Duration) slipway.Lease {
	r := o.member.Instance().(*running)
	l := slipway.Lease{Instance: r.Instance, Cold: o.cold, Queue: waited}
	if o.cold {
		l.Start = min(waited, r.took)
		l.Queue = waited - l.Start
	}
	var once sync.Once
	m := o.member
	l.Release = func(reuse bool) {
		once.Do(func() { p.tell(func(now time.Time) { p.ledger.Release(m, reuse, now) }) })
	}
	return l
}
