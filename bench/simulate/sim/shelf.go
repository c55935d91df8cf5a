package sim

import (
	"time"

	"github.com/slipway-run/slipway"
)

var errNoRoom = slipway.Errorf(slipway.ErrUnavailable, "no room")

// shelfStarted is the end of a start.
type shelfStarted struct {
	n    *windowed
	s    *shelf
	on   *instance
	keep time.Duration
}

func (e *shelfStarted) happen(w *World) {
	w.meter.set(e.on, idle, w.now)
	e.s.starting--
	if !e.n.serve(e.s, e.on, cold) {
		keep := e.keep
		if keep == 0 { // it was started for one who was served otherwise
			_, keep = e.n.windows.idle(e.s.function)
		}
		e.n.shelve(e.s, e.on, keep)
	}
	e.n.c.router.changed(e.n.id)
}

// shelfGone is the end of a close: there is room for who waits.
type shelfGone struct {
	n  *windowed
	on *instance
}

func (e *shelfGone) happen(w *World) {
	n := e.n
	w.meter.set(e.on, gone, w.now)
	n.free += e.on.memoryMB
	n.closing -= e.on.memoryMB
	hungry := n.hungry
	n.hungry = nil
	for _, s := range hungry {
		s.hungry = false
		n.attend(s)
	}
	n.c.router.changed(n.id)
}

// shelfDue is when an idle instance may have had its time.
type shelfDue struct {
	n  *windowed
	on *instance
}

func (e *shelfDue) happen(w *World) {
	on := e.on
	if w.now != on.shelved.due {
		return // a sooner one was asked for
	}
	on.shelved.due = 0
	if on.state != idle {
		return
	}
	if due := on.since + on.shelved.keep; w.now < due {
		on.shelved.due = due
		w.at(due, e)
		return
	}
	e.n.unshelve(on)
	e.n.c.router.changed(e.n.id)
}

// startAhead is when an instance is started again that was closed, unless the function
// was invoked meanwhile.
type startAhead struct {
	n        *windowed
	s        *shelf
	arrivals int
	keep     time.Duration
}

func (e *startAhead) happen(w *World) {
	if e.s.arrivals == e.arrivals && e.s.instances == 0 {
		e.n.start(e.s, e.keep)
		e.n.c.router.changed(e.n.id)
	}
}

// list is idle instances, the one idle longest first, linked through them.
type list struct{ head, tail *instance }

func (l *list) push(on *instance) {
	on.shelved.prev, on.shelved.next = l.tail, nil
	if l.tail != nil {
		l.tail.shelved.next = on
	} else {
		l.head = on
	}
	l.tail = on
}

func (l *list) remove(on *instance) {
	s := &on.shelved
	if s.prev != nil {
		s.prev.shelved.next = s.next
	} else {
		l.head = s.next
	}
	if s.next != nil {
		s.next.shelved.prev = s.prev
	} else {
		l.tail = s.prev
	}
	s.prev, s.next = nil, nil
}
