package jobs

import (
	"slices"
	"time"

	"github.com/slipway-run/slipway"
)

// work is an assignment of which some children have not begun.
type work struct {
	slipway.Assignment
	children
	back  map[int]bool // children that were taken back
	since time.Time    // when the next child was first kept waiting by memory; zero when it is not
}

// children are those from next to end-1; a job that is no array has one, 0.
type children struct{ next, end int }

func newWork(a slipway.Assignment) *work {
	w := &work{Assignment: a, children: span(a.Array > 0, a.From, a.To)}
	return w
}

// span is the children that an assignment or an order is about.
func span(array bool, from, to int) children {
	if !array || to == 0 {
		return children{0, 1}
	}
	return children{from, to}
}

func (c children) count() int { return max(0, c.end-c.next) }

// overlap is what two spans have in common.
func (c children) overlap(o children) children {
	return children{max(c.next, o.next), min(c.end, o.end)}
}

// backlog is what has not begun, in the order in which it will: the highest priority
// first, and what came first of the same.
type backlog struct {
	works   []*work
	waiting int // children
}

func (b *backlog) add(a slipway.Assignment) {
	w := newWork(a)
	at, _ := slices.BinarySearchFunc(b.works, w, func(have, add *work) int {
		if have.Priority >= add.Priority {
			return -1
		}
		return 1
	})
	b.works = slices.Insert(b.works, at, w)
	b.waiting += w.count()
}

// first is the work whose child is next; nil when there is none.
func (b *backlog) first() *work {
	for len(b.works) > 0 {
		w := b.works[0]
		for w.back[w.next] && w.next < w.end {
			w.next++
		}
		if w.next < w.end {
			return w
		}
		b.works = b.works[1:]
	}
	return nil
}

// take is the next child of the first work.
func (b *backlog) take(w *work) (index int) {
	index = w.next
	w.next++
	w.since = time.Time{}
	b.waiting--
	return index
}

// takeBack removes the children that an order is about, and gives them to f.
func (b *backlog) takeBack(o slipway.JobOrder, f func(w *work, index int)) {
	for _, w := range b.works {
		if w.Job != o.Job || w.Attempt != o.Attempt {
			continue
		}
		c := w.overlap(span(w.Array > 0, o.From, o.To))
		for i := c.next; i < c.end; i++ {
			if w.back[i] {
				continue
			}
			if w.back == nil {
				w.back = map[int]bool{}
			}
			w.back[i] = true
			b.waiting--
			f(w, i)
		}
	}
}

// empty removes all, and gives it to f.
func (b *backlog) empty(f func(w *work, index int)) {
	for _, w := range b.works {
		for i := w.next; i < w.end; i++ {
			if !w.back[i] {
				f(w, i)
			}
		}
	}
	*b = backlog{}
}
