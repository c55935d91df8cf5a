package pool

import "time"

// waiter is one who waits for a slot.
type waiter struct {
	version    *version
	since      time.Time
	outcome    chan outcome // gets exactly one when the waiter leaves the queue otherwise than by itself
	queued     bool
	prev, next *waiter
}

// outcome is how waiting ended.
type outcome struct {
	member *member // whose slot was given; nil with err
	cold   bool    // the member was new
	err    error
}

// queue is waiters in the order they came, linked through them so that one who goes
// away can be taken out at once.
type queue struct {
	head, tail *waiter
	n          int
}

func (q *queue) len() int { return q.n }

func (q *queue) push(w *waiter) {
	w.queued, w.prev = true, q.tail
	if q.tail != nil {
		q.tail.next = w
	} else {
		q.head = w
	}
	q.tail = w
	q.n++
}

// pop is the first, or nil.
func (q *queue) pop() *waiter {
	w := q.head
	q.remove(w)
	return w
}

// remove says whether w was in the queue; nil never is.
func (q *queue) remove(w *waiter) bool {
	if w == nil || !w.queued {
		return false
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.tail = w.prev
	}
	w.queued, w.prev, w.next = false, nil, nil
	q.n--
	return true
}

// at is the waiter with i others before it, or nil.
func (q *queue) at(i int) *waiter {
	w := q.head
	for ; w != nil && i > 0; i-- {
		w = w.next
	}
	return w
}
