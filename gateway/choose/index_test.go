package choose

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// TestIndex holds the lists that Take relies on against what they are made from, while
// invokers come, speak, drain and fall silent and events come and go by chance.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	table := New(random)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var flying []Choice
	for step := range 20000 {
		now = now.Add(time.Duration(random.IntN(20)) * time.Millisecond)
		switch random.IntN(4) {
		case 0:
			table.Update(anyState(random), now)
		case 1, 2:
			spec := &slipway.Spec{VersionRef: ref(random.IntN(5)), Config: slipway.Config{MemoryMB: 64}}
			spec.Config.Scaling = slipway.Scaling{Max: 1 + random.IntN(30), Concurrency: 1 + random.IntN(3)}
			if c, ok := table.Take(spec, fmt.Sprint(random.IntN(15)), now); ok {
				flying = append(flying, c)
			}
		case 3:
			if n := len(flying); n > 0 {
				i := random.IntN(n)
				table.Done(flying[i])
				flying[i] = flying[n-1]
				flying = flying[:n-1]
			}
		}
		if err := table.check(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
	}
}

func ref(n int) slipway.VersionRef {
	return slipway.VersionRef{Tenant: "default", Function: fmt.Sprint("f", n), Version: 1}
}

func anyState(random *rand.Rand) slipway.InvokerState {
	s := slipway.InvokerState{ID: fmt.Sprint(random.IntN(12)), FreeMemoryMB: random.IntN(500), Draining: random.IntN(10) == 0}
	for n := range 5 {
		if random.IntN(2) == 0 {
			continue
		}
		free := random.IntN(4)
		s.Versions = append(s.Versions, slipway.VersionCount{VersionRef: ref(n), Instances: free + random.IntN(3),
			Free: free, Frozen: random.IntN(free + 1), Waiting: random.IntN(2)})
	}
	return s
}

// check recomputes from the places whatever is kept up to date.
func (t *Table) check() error {
	onRing := 0
	for _, inv := range t.known {
		if !inv.state.Draining {
			onRing += pointsEach
		}
	}
	if len(t.ring) != onRing || !slices.IsSortedFunc(t.ring, comparePoints) {
		return fmt.Errorf("%d points are on the ring, or in disorder; want %d", len(t.ring), onRing)
	}
	for ref, v := range t.versions {
		if len(v.places) == 0 {
			return fmt.Errorf("%v is nowhere, and known", ref)
		}
		instances, awake, frozen := 0, 0, 0
		for i, p := range v.places {
			instances += p.instances
			free := p.free()
			_, isAwake := slices.BinarySearchFunc(v.awake, p.rank, func(q *place, rank uint64) int { return cmp.Compare(q.rank, rank) })
			_, isFrozen := slices.BinarySearchFunc(v.frozen, p.rank, func(q *place, rank uint64) int { return cmp.Compare(q.rank, rank) })
			can := free > 0 && !p.inv.state.Draining
			if p.index != i || p.dropped || isAwake != (can && free > p.reported.Frozen) || isFrozen != (can && free <= p.reported.Frozen) {
				return fmt.Errorf("%v at %s with %d free, of the reported %d frozen: awake %v, frozen %v", ref, p.inv.state.ID, free, p.reported.Frozen, isAwake, isFrozen)
			}
			if isAwake {
				awake++
			}
			if isFrozen {
				frozen++
			}
		}
		if instances != v.instances || awake != len(v.awake) || frozen != len(v.frozen) {
			return fmt.Errorf("%v: counted %d instances, %d awake, %d frozen; known are %d, %d, %d", ref, instances, awake, frozen, v.instances, len(v.awake), len(v.frozen))
		}
	}
	return nil
}
