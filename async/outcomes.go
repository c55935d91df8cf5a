package async

import (
	"cmp"
	"slices"
	"sync"

	"github.com/slipway-run/slipway"
)

// maxOutcomes bounds how many functions' outcomes are counted apart, and with it the
// memory of those that are deleted.
const maxOutcomes = 10_000

// outcomes counts what this engine has recorded, for metrics.
type outcomes struct {
	mu sync.Mutex // guards what follows
	n  map[slipway.FunctionRef]map[slipway.InvocationState]int64
}

func (o *outcomes) add(ref slipway.FunctionRef, state slipway.InvocationState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := o.n[ref]
	if of == nil {
		if o.n == nil {
			o.n = map[slipway.FunctionRef]map[slipway.InvocationState]int64{}
		}
		if len(o.n) >= maxOutcomes {
			return
		}
		of = map[slipway.InvocationState]int64{}
		o.n[ref] = of
	}
	of[state]++
}

// Outcomes are those that this engine has recorded since it started, by tenant, function
// and state.
func (e *Engine) Outcomes() []slipway.AsyncOutcomes {
	e.outcomes.mu.Lock()
	defer e.outcomes.mu.Unlock()
	var all []slipway.AsyncOutcomes
	for ref, of := range e.outcomes.n {
		for state, n := range of {
			all = append(all, slipway.AsyncOutcomes{FunctionRef: ref, State: state, N: n})
		}
	}
	slices.SortFunc(all, func(a, b slipway.AsyncOutcomes) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Function, b.Function), cmp.Compare(a.State, b.State))
	})
	return all
}
