package choose

import (
	"cmp"
	"slices"
)

// pointsEach is how often an invoker is on the ring: its share of the names varies the
// less the more points it has.
const pointsEach = 16

// ring is the invokers in a circle of hashes (consistent hashing): a name belongs to the
// points that follow its own. An invoker that comes or goes moves only its own names.
type ring []point

type point struct {
	at  uint64
	inv *invoker
}

// set puts inv on the ring or takes it off.
func (r *ring) set(inv *invoker, on bool) {
	*r = slices.DeleteFunc(*r, func(p point) bool { return p.inv == inv })
	if !on {
		return
	}
	for i := range uint64(pointsEach) {
		p := point{mix(inv.hash + i), inv}
		at, _ := slices.BinarySearchFunc(*r, p, comparePoints)
		*r = slices.Insert(*r, at, p)
	}
}

func comparePoints(a, b point) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.inv.state.ID, b.inv.state.ID))
}

// from calls visit for the invokers that follow at, each once, until it says that it is
// enough, or n different ones were visited.
func (r ring) from(at uint64, n int, visit func(*invoker) (enough bool)) {
	var visited [8]*invoker
	seen := visited[:0]
	start, _ := slices.BinarySearchFunc(r, at, func(p point, at uint64) int { return cmp.Compare(p.at, at) })
	for i := range r {
		inv := r[(start+i)%len(r)].inv
		if slices.Contains(seen, inv) {
			continue
		}
		if seen = append(seen, inv); visit(inv) || len(seen) == n {
			return
		}
	}
}

// hash must be the same in every gateway: it is FNV-1a, mixed.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix spreads what differs in few bits over all (the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// queue is the invokers in the order of their last words, linked through them.
type queue struct{ head, tail *invoker }

func (q *queue) push(inv *invoker) {
	inv.prev, inv.next = q.tail, nil
	if q.tail != nil {
		q.tail.next = inv
	} else {
		q.head = inv
	}
	q.tail = inv
}

func (q *queue) remove(inv *invoker) {
	if inv.prev != nil {
		inv.prev.next = inv.next
	} else {
		q.head = inv.next
	}
	if inv.next != nil {
		inv.next.prev = inv.prev
	} else {
		q.tail = inv.prev
	}
	inv.prev, inv.next = nil, nil
}
