package ledger

import (
	"time"

	"github.com/slipway-run/slipway"
)

// function is what outlives the versions of a function: what was learnt of it, and what
// its members hold. It is kept while the function has no member, so that the next one
// is treated as the last was.
type function struct {
	account
	tenant   *account
	versions int
	seen     time.Time // when a version of it was last new

	demand    demand
	run, cold estimate // of the version that was forgotten last
}

// account is the memory of a function's or a tenant's members, in MiB.
type account struct{ memoryMB int }

const (
	maxFunctions = 10_000         // of which something is remembered
	memory       = 24 * time.Hour // of a function that has no member
)

// function is the entry of spec's function.
func (l *Ledger) function(spec *slipway.Spec, now time.Time) *function {
	ref := slipway.FunctionRef{Tenant: spec.Tenant, Function: spec.Function}
	f := l.functions[ref]
	if f == nil {
		if len(l.functions) >= maxFunctions {
			l.forgetFunctions(now)
		}
		f = &function{tenant: l.tenant(spec.Tenant)}
		l.functions[ref] = f
	}
	f.seen = now
	f.versions++
	return f
}

func (l *Ledger) tenant(name string) *account {
	t := l.tenants[name]
	if t == nil {
		t = &account{}
		l.tenants[name] = t
	}
	return t
}

// forgetFunctions makes place: what was not used for a day goes, or, when that is
// nothing, all that has no version now.
func (l *Ledger) forgetFunctions(now time.Time) {
	before := len(l.functions)
	for _, age := range []time.Duration{memory, 0} {
		for ref, f := range l.functions {
			if f.versions == 0 && now.Sub(later(f.seen, f.demand.idleSince())) >= age {
				delete(l.functions, ref)
			}
		}
		if len(l.functions) < before {
			return
		}
	}
}
