package sim

import "time"

// action is what happens at a moment.
type action interface{ happen(w *World) }

type event struct {
	at   time.Duration
	seq  uint64 // of two at one moment, the one that was scheduled first
	what action
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// clock is the time of a simulation and what is to happen: a heap whose nodes have four
// children, which is flatter than one with two and so touches less memory.
type clock struct {
	now  time.Duration // since the trace began
	seq  uint64
	heap []event
}

// at schedules what happens at a moment, which is not past.
func (c *clock) at(when time.Duration, what action) {
	c.seq++
	e := event{max(when, c.now), c.seq, what}
	c.heap = append(c.heap, e)
	i := len(c.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&c.heap[parent]) {
			break
		}
		c.heap[i] = c.heap[parent]
		i = parent
	}
	c.heap[i] = e
}

func (c *clock) after(d time.Duration, what action) { c.at(c.now+d, what) }

// next is when the next event is due; false when there is none.
func (c *clock) next() (time.Duration, bool) {
	if len(c.heap) == 0 {
		return 0, false
	}
	return c.heap[0].at, true
}

// pop takes the next event off and moves the time to it.
func (c *clock) pop() action {
	first := c.heap[0]
	last := c.heap[len(c.heap)-1]
	c.heap[len(c.heap)-1] = event{}
	c.heap = c.heap[:len(c.heap)-1]
	if len(c.heap) > 0 {
		c.sink(last)
	}
	c.now = first.at
	return first.what
}

func (c *clock) sink(e event) {
	h, i := c.heap, 0
	for {
		least := 4*i + 1
		if least >= len(h) {
			break
		}
		for child := least + 1; child < min(4*i+5, len(h)); child++ {
			if h[child].before(&h[least]) {
				least = child
			}
		}
		if !h[least].before(&e) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = e
}
