package pool

import (
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

// Keep says of which versions instances are to be ready ahead of any event, and how
// many. It replaces what was said before: instances of a version that is not named any
// more go by their idle timeout. What is missing is started now, and again whenever one
// ends; without room, as soon as there is some.
func (p *Pool) Keep(wanted []slipway.Kept) {
	p.tell(func() { p.ledger.keep(wanted, time.Now()) })
}

func (l *ledger) keep(wanted []slipway.Kept, now time.Time) {
	named := make(map[slipway.VersionRef]bool, len(wanted))
	for _, k := range wanted {
		named[k.Spec.VersionRef] = true
		v := l.version(k.Spec, l.limitFor(k))
		v.keep, v.ahead = k.Instances, min(k.Instances, k.Limit, max(1, k.Spec.Config.Scaling.Max))
		l.settle(v, now)
	}
	for ref, v := range l.versions {
		if !named[ref] {
			l.unkeep(v)
		}
	}
}

// limitFor is the bound on the version's members: the wish's, or the last caller's when
// the wish is to start none.
func (l *ledger) limitFor(k slipway.Kept) int {
	if v := l.versions[k.Spec.VersionRef]; v != nil && k.Limit < 1 {
		return v.limit
	}
	return k.Limit
}

// unkeep lets the idle members of v go.
func (l *ledger) unkeep(v *version) {
	v.keep, v.ahead, v.short = 0, 0, ""
	l.tidy(v)
}

// fill orders the starts that are missing for as many members as are wanted ahead.
func (l *ledger) fill(v *version, now time.Time) {
	if l.draining {
		return
	}
	for v.staying() < v.ahead {
		if err := l.start(v, now); err != nil {
			l.fellShort(v, err)
			return
		}
	}
	v.short = ""
}

// fellShort has it said, once, that there is no room. Room that comes by itself and
// starts that are held back are no news: the one needs nobody, the other was said when
// the start failed.
func (l *ledger) fellShort(v *version, err error) {
	if errors.Is(err, errSoon) || v.retrying(err) {
		return
	}
	if v.short == "" {
		l.shortages = append(l.shortages, shortage{spec: v.spec, missing: v.ahead - v.staying(), err: err})
	}
	v.short = err.Error()
}

// shortage is members that should be kept and cannot be.
type shortage struct {
	spec    slipway.Spec
	missing int
	err     error
}

func (p *Pool) report(shortages []shortage) {
	for _, s := range shortages {
		p.log.Warn("fewer instances are kept than scaling asks for", "tenant", s.spec.Tenant, "function", s.spec.Function,
			"version", s.spec.Version, "missing", s.missing, "err", s.err)
	}
}
