package async

import (
	"slices"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// queues decides whose events are begun. It knows no store and no clock.
//
// Each function has a window: the events of it that run at once. It is at most what the
// function's instances can take, halves when the platform refuses an event of it, and
// grows by one with each that ran. After a refusal the function rests for a moment. So a
// backlog asks for what there is and no more, and the backlog of one function leaves the
// turns of the others alone: they are given round robin, and no function has more of them
// than are still free (dynamic thresholds, as in the shared buffers of switches). So one
// alone has half of them, and slow ones cannot take the last.
type queues struct {
	most int // events of all functions that run at once

	mu    sync.Mutex
	byRef map[slipway.FunctionRef]*queue
	order []*queue // whose turn it is; the first has waited longest
	busy  int      // events that run
}

// queue is what is known of one function with events.
type queue struct {
	slipway.FunctionRef
	due      time.Time // of the first event that waits, as far as is known; zero is none
	hints    int       // how often an event was said to be due: what is newer than a look into the store
	busy     int
	window   int
	capacity int // as it was last
	refused  int // times in a row
	rest     time.Time
}

// The rest of a function that the platform refused.
const (
	firstRest = time.Second
	lastRest  = 30 * time.Second
)

// perClaim is the most events of a function that one transaction begins.
const perClaim = 128

func newQueues(most int) *queues {
	return &queues{most: most, byRef: map[slipway.FunctionRef]*queue{}}
}

// of is the queue of a function; q.mu is held.
func (q *queues) of(ref slipway.FunctionRef) *queue {
	f := q.byRef[ref]
	if f == nil {
		f = &queue{FunctionRef: ref, window: -1}
		q.byRef[ref] = f
		q.order = append(q.order, f)
	}
	return f
}

// hint says that an event of a function is due at a time.
func (q *queues) hint(ref slipway.FunctionRef, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.of(ref).hint(due)
}

func (f *queue) hint(due time.Time) {
	f.hints++
	if f.due.IsZero() || due.Before(f.due) {
		f.due = due
	}
}

// saw takes what the store has of all functions. Queues of functions that have nothing,
// neither waiting nor running, are forgotten.
func (q *queues) saw(all []slipway.DueFunction, before map[slipway.FunctionRef]int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := make(map[slipway.FunctionRef]bool, len(all))
	for _, d := range all {
		waiting[d.FunctionRef] = true
		f := q.of(d.FunctionRef)
		if f.hints == before[d.FunctionRef] {
			f.due = d.NextAt
		} else {
			f.hint(d.NextAt)
		}
	}
	q.order = slices.DeleteFunc(q.order, func(f *queue) bool {
		if waiting[f.FunctionRef] || f.hints != before[f.FunctionRef] {
			return false
		}
		f.due = time.Time{}
		if f.busy > 0 {
			return false
		}
		delete(q.byRef, f.FunctionRef)
		return true
	})
}

// hintCounts is how often each function was hinted at, to tell what is newer than a look
// into the store.
func (q *queues) hintCounts() map[slipway.FunctionRef]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	counts := make(map[slipway.FunctionRef]int, len(q.byRef))
	for ref, f := range q.byRef {
		counts[ref] = f.hints
	}
	return counts
}

// settings is how much of a function may run: its capacity, and whether it is paused.
type settings func(slipway.FunctionRef) (capacity int, paused bool)

// claim is whose turns are to be begun now, and how many of each. What it gives is taken
// as running until claimed says what came of it.
func (q *queues) claim(now time.Time, ask settings) []slipway.Claim {
	q.mu.Lock()
	defer q.mu.Unlock()
	var ready []*queue
	for _, f := range q.order {
		if f.due.IsZero() || f.due.After(now) || f.rest.After(now) {
			continue
		}
		capacity, paused := ask(f.FunctionRef)
		if f.fit(capacity); !paused && f.window > f.busy {
			ready = append(ready, f)
		}
	}
	claims := make([]slipway.Claim, len(ready))
	for i, f := range ready {
		claims[i].FunctionRef = f.FunctionRef
	}
	for given := true; given; { // one turn each, again and again
		given = false
		for i, f := range ready {
			if claims[i].Most < perClaim && f.busy < f.window && f.busy < q.most-q.busy {
				claims[i].Most++
				f.busy++
				q.busy++
				given = true
			}
		}
	}
	served := ready[:0]
	for i, f := range ready {
		if claims[i].Most > 0 {
			served = append(served, f)
		}
	}
	q.last(served)
	return slices.DeleteFunc(claims, func(c slipway.Claim) bool { return c.Most == 0 })
}

// fit takes the capacity of now. A window that was as wide as the capacity stays so.
func (f *queue) fit(capacity int) {
	if f.window < 0 || f.window == f.capacity {
		f.window = capacity
	}
	f.capacity = capacity
	f.window = max(1, min(f.window, capacity))
}

// last moves queues that were served to the end of the line.
func (q *queues) last(served []*queue) {
	if len(served) == 0 {
		return
	}
	set := make(map[*queue]bool, len(served))
	for _, f := range served {
		set[f] = true
	}
	q.order = append(slices.DeleteFunc(q.order, func(f *queue) bool { return set[f] }), served...)
}

// claimed says how many turns a claim has got. Fewer than asked for means that no more are
// due, unless a hint has come since.
func (q *queues) claimed(c slipway.Claim, got int, hints map[slipway.FunctionRef]int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := q.of(c.FunctionRef)
	f.busy -= c.Most - got
	q.busy -= c.Most - got
	if got < c.Most && f.hints == hints[c.FunctionRef] {
		f.due = time.Time{}
	}
}

// ended says that a turn is over: refused by the platform or not. again is when the event
// is due again; zero is never.
func (q *queues) ended(ref slipway.FunctionRef, now time.Time, refused bool, again time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := q.of(ref)
	f.busy--
	q.busy--
	if !again.IsZero() {
		f.hint(again)
	}
	if !refused {
		f.refused = 0
		f.window = min(f.window+1, max(1, f.capacity))
		return
	}
	if f.rest.After(now) {
		return // one of several that ran when the first was refused
	}
	f.window = max(1, f.window/2)
	f.rest = now.Add(min(firstRest<<min(f.refused, 10), lastRest))
	f.refused++
}

// next is when something is due; zero is not known. What waits for room is not: its room
// is news.
func (q *queues) next(now time.Time) time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	var next time.Time
	for _, f := range q.order {
		if f.due.IsZero() {
			continue
		}
		at := f.due
		if f.rest.After(at) {
			at = f.rest
		}
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}
