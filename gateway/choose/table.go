package choose

import (
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
	known map[string]*invoker
}

// invoker is one of them.
type invoker struct {
	state    slipway.InvokerState
	seen     time.Time
	loads    map[slipway.VersionRef]*load
	promised int // MiB of the starts that this gateway caused since state came
}

// New makes an empty table.
func New() *Table { return &Table{known: map[string]*invoker{}} }

// Update takes what an invoker published. It says whether that changes who can be
// chosen: an invoker has come, or began to drain.
func (t *Table) Update(s slipway.InvokerState, now time.Time) (moved bool) {
	inv := t.known[s.ID]
	if inv == nil {
		inv = &invoker{loads: map[slipway.VersionRef]*load{}}
		t.known[s.ID] = inv
		moved = true
	}
	moved = moved || inv.state.Draining != s.Draining
	inv.state, inv.seen, inv.promised = s, now, 0
	for ref, l := range inv.loads {
		if l.flying == 0 {
			delete(inv.loads, ref)
			continue
		}
		l.reported, l.counted = slipway.VersionCount{VersionRef: ref}, l.flying
	}
	for _, v := range s.Versions {
		inv.load(v.VersionRef).reported = v
	}
	return moved
}

// States are what the invokers that are there published last, by id.
func (t *Table) States(now time.Time) []slipway.InvokerState {
	states := make([]slipway.InvokerState, 0, len(t.known))
	for _, inv := range t.known {
		if now.Sub(inv.seen) <= StaleAfter {
			states = append(states, inv.state)
		}
	}
	slices.SortFunc(states, func(a, b slipway.InvokerState) int { return strings.Compare(a.ID, b.ID) })
	return states
}

// Roomiest is the invoker with most free memory other than the one named except ("" for
// none), for what is not an event: a build.
func (t *Table) Roomiest(except string, now time.Time) (id string, ok bool) {
	memory := 0
	for _, inv := range t.present(now) {
		free := inv.state.FreeMemoryMB - inv.promised
		if inv.state.ID != except && (id == "" || free > memory) {
			id, memory = inv.state.ID, free
		}
	}
	return id, id != ""
}

// present are the invokers that can take something new; those that fell silent are
// forgotten.
func (t *Table) present(now time.Time) []*invoker {
	all := make([]*invoker, 0, len(t.known))
	for id, inv := range t.known {
		switch {
		case now.Sub(inv.seen) > StaleAfter:
			delete(t.known, id)
		case !inv.state.Draining:
			all = append(all, inv)
		}
	}
	return all
}

func (inv *invoker) load(ref slipway.VersionRef) *load {
	l := inv.loads[ref]
	if l == nil {
		l = &load{}
		inv.loads[ref] = l
	}
	return l
}
