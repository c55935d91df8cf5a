package async

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

var (
	t0 = time.Unix(1_700_000_000, 0)
	f  = slipway.FunctionRef{Tenant: "t", Function: "f"}
	g  = slipway.FunctionRef{Tenant: "t", Function: "g"}
)

// capacity is that of every function.
func capacity(n int) settings {
	return func(slipway.FunctionRef) (int, bool) { return n, false }
}

// take claims, and gets all that it asks for.
func take(q *queues, now time.Time, ask settings) map[slipway.FunctionRef]int {
	hints, got := q.hintCounts(), map[slipway.FunctionRef]int{}
	for _, c := range q.claim(now, ask) {
		q.claimed(c, c.Most, hints)
		got[c.FunctionRef] = c.Most
	}
	return got
}

// TestTurnsAreShared: a function with a backlog does not take the turns of another.
func TestTurnsAreShared(t *testing.T) {
	q := newQueues(16)
	q.hint(f, t0)
	if got := take(q, t0, capacity(100)); got[f] != 8 {
		t.Fatalf("alone, f has %d turns of 16", got[f])
	}
	q.hint(g, t0)
	if got := take(q, t0, capacity(100)); got[f] != 0 || got[g] != 4 {
		t.Errorf("beside it, g has %d turns, and f %d more", got[g], got[f])
	}
	for n := range 100 {
		q.hint(slipway.FunctionRef{Tenant: "t", Function: fmt.Sprint(n)}, t0)
	}
	q.ended(f, t0, false, time.Time{})
	if got := take(q, t0, capacity(100)); len(got) != 5 {
		t.Errorf("the last turns went to %v", got)
	}
	first, second := next(q), next(q)
	if first == second {
		t.Errorf("one turn after the other went to %v", first)
	}
}

// next ends a turn, and says who gets it.
func next(q *queues) slipway.FunctionRef {
	q.ended(f, t0, false, time.Time{})
	for ref := range take(q, t0, capacity(100)) {
		return ref
	}
	return slipway.FunctionRef{}
}

func TestWindow(t *testing.T) {
	q := newQueues(1000)
	q.hint(f, t0)
	if got := take(q, t0, capacity(8)); got[f] != 8 {
		t.Fatalf("%d turns of a capacity of 8", got[f])
	}
	for range 8 { // all were refused together: that is one refusal
		q.ended(f, t0, true, t0)
	}
	if got := take(q, t0.Add(999*time.Millisecond), capacity(8)); len(got) != 0 {
		t.Errorf("while it rests: %v", got)
	}
	now := t0.Add(time.Second)
	if got := take(q, now, capacity(8)); got[f] != 4 {
		t.Errorf("after a refusal: %d turns", got[f])
	}
	for range 4 {
		q.ended(f, now, true, now)
	}
	if next := q.next(now); next != now.Add(2*time.Second) {
		t.Errorf("the second rest ends %s later", next.Sub(now))
	}
	now = now.Add(2 * time.Second)
	if got := take(q, now, capacity(8)); got[f] != 2 {
		t.Errorf("after another refusal: %d turns", got[f])
	}
	for range 2 { // each that ran makes room for one more
		q.ended(f, now, false, time.Time{})
	}
	if got := take(q, now, capacity(8)); got[f] != 4 {
		t.Errorf("after two that ran: %d turns", got[f])
	}
	if got := take(q, now, capacity(2)); len(got) != 0 {
		t.Errorf("when less fits than runs: %v", got)
	}
}

func TestPausedAndLater(t *testing.T) {
	q := newQueues(10)
	q.hint(f, t0.Add(time.Minute))
	if got := take(q, t0, capacity(1)); len(got) != 0 || q.next(t0) != t0.Add(time.Minute) {
		t.Errorf("%v, next %s", got, q.next(t0))
	}
	q.hint(f, t0)
	paused := func(slipway.FunctionRef) (int, bool) { return 1, true }
	if got := take(q, t0, paused); len(got) != 0 {
		t.Errorf("of a paused function: %v", got)
	}
	if got := take(q, t0, capacity(1)); got[f] != 1 {
		t.Errorf("of one that goes on: %v", got)
	}
}

// TestNothingIsForgotten: what is hinted while the store is asked counts.
func TestNothingIsForgotten(t *testing.T) {
	q := newQueues(100)
	q.hint(f, t0)
	hints := q.hintCounts()
	claims := q.claim(t0, capacity(5))
	q.hint(f, t0.Add(-time.Second)) // the event is committed after the claim has looked
	q.claimed(claims[0], 1, hints)
	if got := take(q, t0, capacity(5)); got[f] != 4 {
		t.Errorf("%v", got)
	}

	q = newQueues(10)
	q.hint(g, t0)
	before := q.hintCounts()
	q.hint(f, t0)
	q.saw(nil, before) // the store knew of neither
	if got := take(q, t0, capacity(1)); got[f] != 1 || got[g] != 0 {
		t.Errorf("%v", got)
	}
	q.ended(f, t0, false, time.Time{})
	q.saw(nil, q.hintCounts())
	if len(q.byRef) != 0 || len(q.order) != 0 {
		t.Errorf("functions without events are still known: %d, %d", len(q.byRef), len(q.order))
	}
}

// TestHintWhileItRuns: an earlier hint is heard, too, when the due time was the same.
func TestHintWhileItRuns(t *testing.T) {
	q := newQueues(100)
	q.hint(f, t0)
	hints := q.hintCounts()
	claims := q.claim(t0.Add(time.Second), capacity(5))
	q.hint(f, t0.Add(time.Second)) // later than what is known, and new all the same
	q.claimed(claims[0], 1, hints)
	if got := take(q, t0.Add(time.Second), capacity(5)); got[f] != 4 {
		t.Errorf("%v", got)
	}
}

func TestEnginesThatAreGone(t *testing.T) {
	o := newOthers("me", "node", time.Second)
	all := func(beat int64) []slipway.Engine {
		return []slipway.Engine{{ID: "me", Node: "node", Beat: beat}, {ID: "before", Node: "node", Beat: 7}, {ID: "other", Node: "elsewhere", Beat: 3}}
	}
	if gone := o.heard(all(1), t0); len(gone) != 1 || gone[0] != "before" || o.alive() != 2 {
		t.Errorf("at first %v are gone, %d live", gone, o.alive())
	}
	living := []slipway.Engine{all(2)[0], all(2)[2]}
	if gone := o.heard(living, t0.Add(time.Second)); len(gone) != 0 {
		t.Errorf("within the lease %v are gone", gone)
	}
	if gone := o.heard(living, t0.Add(time.Second+1)); len(gone) != 1 || gone[0] != "other" || o.alive() != 1 {
		t.Errorf("after it %v are gone, %d live", gone, o.alive())
	}
}
