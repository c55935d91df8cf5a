package choose

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// StaleAfter is how long an invoker that says nothing is believed to be there. It speaks
// once a second.
const StaleAfter = 3 * time.Second

// Table is what one gateway knows of the invokers: what they published last, and what it
// has given them since. Its methods must not be called at once.
type Table struct {
	random   *rand.Rand
	known    map[string]*invoker
	spoken   queue // of the known, in the order of their last words
	ring     ring  // of the known that do not drain
	versions map[slipway.VersionRef]*version
}

// invoker is one of them.
type invoker struct {
	state    slipway.InvokerState
	hash     uint64
	seen     time.Time
	round    uint64 // of states
	places   map[slipway.VersionRef]*place
	promised int // MiB of the starts that this gateway caused since state came

	prev, next *invoker // in Table.spoken
}

// New makes an empty table.
func New(random *rand.Rand) *Table {
	return &Table{random: random, known: map[string]*invoker{}, versions: map[slipway.VersionRef]*version{}}
}

// Update takes what an invoker published. It says whether that changes who can be
// chosen: an invoker has come, or began to drain.
func (t *Table) Update(s slipway.InvokerState, now time.Time) (moved bool) {
	inv := t.known[s.ID]
	if inv == nil {
		inv = &invoker{hash: hash(s.ID), places: map[slipway.VersionRef]*place{}}
		inv.state.Draining = true // not on the ring yet
		t.known[s.ID] = inv
		moved = true
	} else {
		t.spoken.remove(inv)
	}
	t.spoken.push(inv)
	turned := inv.state.Draining != s.Draining
	inv.state, inv.seen, inv.promised = s, now, 0
	if turned {
		t.turn(inv)
		moved = true
	}
	inv.round++
	for _, count := range s.Versions {
		p := t.place(inv, count.VersionRef)
		p.round = inv.round
		p.report(count)
	}
	for _, p := range inv.places {
		if p.round == inv.round {
			continue
		}
		p.report(slipway.VersionCount{})
		if p.flying == 0 {
			t.drop(p)
		}
	}
	return moved
}

// turn follows an invoker that begins to drain, or does not any more.
func (t *Table) turn(inv *invoker) {
	t.ring.set(inv, !inv.state.Draining)
	for _, p := range inv.places {
		p.refresh()
	}
}

// States are what the invokers that are there published last, by id.
func (t *Table) States(now time.Time) []slipway.InvokerState {
	t.expire(now)
	states := make([]slipway.InvokerState, 0, len(t.known))
	for _, inv := range t.known {
		states = append(states, inv.state)
	}
	slices.SortFunc(states, func(a, b slipway.InvokerState) int { return strings.Compare(a.ID, b.ID) })
	return states
}

// Roomiest is the invoker with most free memory other than the one named except ("" for
// none), for what is not an event: a build.
func (t *Table) Roomiest(except string, now time.Time) (id string, ok bool) {
	t.expire(now)
	memory := 0
	for _, inv := range t.known {
		if free := inv.free(); !inv.state.Draining && inv.state.ID != except && (id == "" || free > memory) {
			id, memory = inv.state.ID, free
		}
	}
	return id, id != ""
}

// expire forgets the invokers that fell silent.
func (t *Table) expire(now time.Time) {
	for inv := t.spoken.head; inv != nil && now.Sub(inv.seen) > StaleAfter; inv = t.spoken.head {
		t.spoken.remove(inv)
		t.ring.set(inv, false)
		delete(t.known, inv.state.ID)
		for _, p := range inv.places {
			t.drop(p)
		}
	}
}

// place is where inv has ref; there may be nothing of it yet.
func (t *Table) place(inv *invoker, ref slipway.VersionRef) *place {
	p := inv.places[ref]
	if p == nil {
		v := t.version(ref)
		p = &place{version: v, inv: inv, rank: mix(v.hash ^ inv.hash), index: len(v.places)}
		v.places = append(v.places, p)
		inv.places[ref] = p
	}
	return p
}

// drop forgets a place. Events that are there yet may still be done with it.
func (t *Table) drop(p *place) {
	p.reported, p.counted = slipway.VersionCount{}, p.flying
	v := p.version
	v.move(p, nil)
	v.instances -= p.instances
	p.instances, p.dropped = 0, true
	last := v.places[len(v.places)-1]
	v.places[p.index], last.index = last, p.index
	v.places = v.places[:len(v.places)-1]
	delete(p.inv.places, v.ref)
	t.tidy(v)
}

// tidy forgets a version that is nowhere.
func (t *Table) tidy(v *version) {
	if len(v.places) == 0 {
		delete(t.versions, v.ref)
	}
}

func (t *Table) version(ref slipway.VersionRef) *version {
	v := t.versions[ref]
	if v == nil {
		v = &version{ref: ref, hash: hash(ref.Tenant + "/" + ref.Function), concurrency: 1}
		t.versions[ref] = v
	}
	return v
}

// free is the memory that is promised to nobody, in MiB.
func (inv *invoker) free() int { return inv.state.FreeMemoryMB - inv.promised }
