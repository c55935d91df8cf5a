package ledger

import "time"

// Waiter is a caller in the queue of a version.
type Waiter struct {
	version    *version
	since      time.Time
	caller     Caller
	queued     bool
	prev, next *Waiter
}

// queue is waiters in the order they came, linked through them so that one who goes
// away can be taken out at once.
type queue struct {
	head, tail *Waiter
	n          int
}

func (q *queue) len() int { return q.n }

func (q *queue) push(w *Waiter) {
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
func (q *queue) pop() *Waiter {
	w := q.head
	q.remove(w)
	return w
}

// remove says whether w was in the queue; nil never is.
func (q *queue) remove(w *Waiter) bool {
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
func (q *queue) at(i int) *Waiter {
	w := q.head
	for ; w != nil && i > 0; i-- {
		w = w.next
	}
	return w
}
