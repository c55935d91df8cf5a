package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/slipway-run/slipway"
)

// assignment says which invoker keeps how many instances of what ready.
type assignment struct {
	wishes map[string][]slipway.Wish   // by invoker
	placed map[slipway.VersionRef]int  // instances of each version, on all invokers
	wanted map[slipway.VersionRef]want // the versions that were asked for
}

// assign spreads what scaling.min and scaling.provisioned ask for over the invokers. It
// follows from its arguments' lasting parts alone (not from what is free or busy now),
// so that gateways who know the same come to the same: each function ranks the
// invokers in an order of its own (rendezvous hashing), and deals its instances to them
// one by one, as long as their memory suffices for everything that is kept there. An
// invoker that comes or goes moves only what is its own. What stands by stays where it is.
func assign(wanted []want, invokers []slipway.InvokerState) assignment {
	a := assignment{map[string][]slipway.Wish{}, map[slipway.VersionRef]int{}, map[slipway.VersionRef]want{}}
	wanted = slices.Clone(wanted)
	slices.SortFunc(wanted, func(x, y want) int {
		a, b := x.spec, y.spec
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.Function, b.Function), cmp.Compare(a.Version, b.Version))
	})
	promised := make(map[string]int, len(invokers)) // MiB
	for _, w := range wanted {
		if w.standby {
			a.stay(w, invokers)
			continue
		}
		spec := w.spec
		a.wanted[spec.VersionRef] = w
		ranked := rank(spec, invokers)
		for i, n := range deal(w, ranked, promised) {
			if n == 0 {
				continue
			}
			inv := ranked[i]
			a.placed[spec.VersionRef] += n
			a.wishes[inv.ID] = append(a.wishes[inv.ID], slipway.Wish{
				VersionRef: spec.VersionRef, Instances: n,
				Limit: max(0, spec.Config.Scaling.Max-elsewhere(spec.VersionRef, inv.ID, invokers)),
			})
		}
	}
	return a
}

// stay asks every invoker that has instances of w's version not to let the last go.
func (a assignment) stay(w want, invokers []slipway.InvokerState) {
	for _, inv := range invokers {
		if !inv.Draining && instancesOn(w.spec.VersionRef, inv) > 0 {
			a.wishes[inv.ID] = append(a.wishes[inv.ID], slipway.Wish{VersionRef: w.spec.VersionRef, Instances: w.n, Standby: true})
		}
	}
}

// ahead is how many instances of a version are kept ready.
func ahead(s slipway.Scaling) int { return min(max(s.Min, s.Provisioned), s.Max) }

// rank orders the invokers that can take something as spec's function prefers them.
func rank(spec *slipway.Spec, invokers []slipway.InvokerState) []slipway.InvokerState {
	type ranked struct {
		weight uint64
		state  slipway.InvokerState
	}
	all := make([]ranked, 0, len(invokers))
	for _, inv := range invokers {
		if !inv.Draining {
			sum := sha256.Sum256([]byte(spec.Tenant + "/" + spec.Function + "/" + inv.ID))
			all = append(all, ranked{binary.BigEndian.Uint64(sum[:]), inv})
		}
	}
	slices.SortFunc(all, func(x, y ranked) int { return cmp.Compare(x.weight, y.weight) })
	states := make([]slipway.InvokerState, len(all))
	for i, r := range all {
		states[i] = r.state
	}
	return states
}

// deal gives each invoker in turn one instance until there are enough, or no room is
// left. promised is what each keeps already, and grows.
func deal(w want, invokers []slipway.InvokerState, promised map[string]int) []int {
	counts, left, need := make([]int, len(invokers)), w.n, w.spec.Config.MemoryMB
	for progress := true; left > 0 && progress; {
		progress = false
		for i, inv := range invokers {
			if left == 0 || inv.MemoryMB > 0 && promised[inv.ID]+need > inv.MemoryMB {
				continue
			}
			promised[inv.ID] += need
			counts[i]++
			left--
			progress = true
		}
	}
	return counts
}

// elsewhere is the version's instances on the other invokers, as they were reported.
func elsewhere(ref slipway.VersionRef, than string, invokers []slipway.InvokerState) (n int) {
	for _, inv := range invokers {
		if inv.ID != than {
			n += instancesOn(ref, inv)
		}
	}
	return n
}

func instancesOn(ref slipway.VersionRef, inv slipway.InvokerState) int {
	for _, v := range inv.Versions {
		if v.VersionRef == ref {
			return v.Instances
		}
	}
	return 0
}
