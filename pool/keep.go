package pool

import (
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// Keep says of which versions instances are to be ready ahead of any event, and how
// many. It replaces what was said before: instances of a version that is not named any
// more go by their idle timeout. What is missing is started now, and again whenever one
// ends; without room, as soon as there is some.
func (p *Pool) Keep(wanted []slipway.Kept) {
	p.tell(func(now time.Time) { p.ledger.Keep(wanted, now) })
}

func (p *Pool) report(shortages []ledger.Shortage) {
	for _, s := range shortages {
		p.log.Warn("fewer instances are kept than scaling asks for", "tenant", s.Spec.Tenant, "function", s.Spec.Function,
			"version", s.Spec.Version, "missing", s.Missing, "err", s.Err)
	}
}
