package pool

import (
	"context"
	"time"

	"github.com/slipway-run/slipway"
)

// Retire stops the instances of the function's versions that keep does not name: idle
// ones now, busy ones after their events, and none is kept ready any more. Who asks for
// such a version later gets a new instance.
func (p *Pool) Retire(ref slipway.FunctionRef, keep func(slipway.VersionRef) bool) {
	p.tell(func(now time.Time) { p.ledger.Retire(ref, keep, now) })
}

// Update gives a version that has instances or waiters its present scaling at once, not
// only with the next Acquire. Of a version that has neither nothing is kept.
func (p *Pool) Update(spec slipway.Spec) {
	p.tell(func(now time.Time) { p.ledger.Update(&spec, now) })
}

// Drain refuses who waits and who comes, ends the starts under way, closes idle
// instances now and busy ones after their events, and returns when all are closed.
// When ctx ends the busy ones are closed too, and the error is ctx's.
func (p *Pool) Drain(ctx context.Context) error {
	p.halt()
	p.tell(p.ledger.Drain)
	var err error
	select {
	case <-p.empty:
	case <-ctx.Done():
		err = ctx.Err()
		p.tell(func(time.Time) { p.ledger.CloseAll() })
		<-p.empty
	}
	p.running.Wait()
	return err
}
