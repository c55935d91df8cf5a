package pool

import (
	"context"
	"time"
)

// Run does what is due although nobody asks for anything: idle instances are frozen,
// reclaimed and stopped, starts are tried again, and who waited for too long is refused;
// until ctx ends. Leases are given without it as well.
func (p *Pool) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	pressure, stop := p.pressureTicks()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.sooner:
		case <-timer.C:
			p.look(p.ledger.Sweep)
		case <-pressure:
			level := p.cfg.Pressure()
			p.look(func(now time.Time) { p.ledger.Pressure(level, now) })
		}
		timer.Reset(p.pause())
	}
}

// pressureTicks is when to ask for the memory pressure: never when nobody knows it.
func (p *Pool) pressureTicks() (<-chan time.Time, func()) {
	if p.cfg.Pressure == nil {
		return nil, func() {}
	}
	ticker := time.NewTicker(pressureEvery)
	return ticker.C, ticker.Stop
}

// look tells the ledger the time. Others hear of it only if something follows.
func (p *Pool) look(tell func(now time.Time)) {
	if p.do(tell) {
		p.signal()
	}
}

// pause is for how long nothing is due, and a day when nothing is.
func (p *Pool) pause() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	next, ok := p.ledger.Next(now)
	if !ok {
		next = now.Add(24 * time.Hour)
	}
	p.alarm = next
	return max(next.Sub(now), p.cfg.Sweep)
}

// arm has Run look sooner when something is due before it would. p.mu is held.
func (p *Pool) arm(now time.Time) {
	if next, ok := p.ledger.Next(now); ok && next.Before(p.alarm) {
		p.alarm = next
		ring(p.sooner)
	}
}
