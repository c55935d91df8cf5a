package ledger

import (
	"time"

	"github.com/slipway-run/slipway"
)

type memberState int

const (
	starting memberState = iota
	ready
	closing
)

// Instance is what the driver holds of a member that has started. The ledger only looks
// whether it has ended; a nil channel never does.
type Instance interface {
	Done() <-chan struct{}
}

// Member is an instance from the order to start it until it is closed.
type Member struct {
	version  *version
	spec     slipway.Spec // as it was started with
	memoryMB int          // promised now
	number   int64        // in the order of starts
	cause    *Waiter      // for whom it was started
	ordered  time.Time    // its start

	instance  Instance // nil while it starts
	state     memberState
	startedAt time.Time
	idleSince time.Time
	level     int // of demand that was served by it when it became idle
	inFlight  int
	served    int64
	fresh     bool      // no slot was given yet
	retired   bool      // gets nothing new
	yields    bool      // retired because others need its memory more
	stays     time.Time // when it was started ahead of an event: how long it waits for it

	ice     ice
	moving  bool // an order to freeze or thaw is under way
	shrinks bool // an order to reclaim is under way
	thaws   bool // it is wanted as soon as it is frozen
	stuck   bool // it could not be frozen since it is idle, and is not tried again
	dry     bool // nor reclaimed
	givenMB int  // of the memory that it was promised, what is free for others until it thaws

	busy    time.Duration // the time of its events, since one ended last
	counted time.Time     // until when

	on         *stack // where its free slots are; nil when it has none
	prev, next *Member
}

// Spec is what the member is, or is to be, started with.
func (m *Member) Spec() slipway.Spec { return m.spec }

// Instance is what Started said; nil before.
func (m *Member) Instance() Instance { return m.instance }

// count adds up the time of m's events until now.
func (m *Member) count(now time.Time) {
	m.busy += time.Duration(m.inFlight) * now.Sub(m.counted)
	m.counted = now
}

// ended says whether the instance has.
func (m *Member) ended() bool {
	select {
	case <-m.instance.Done():
		return true
	default:
		return false
	}
}

// stack holds members with a free slot, the one used last at the head. It is linked
// through its members so that any of them can be taken out at once.
type stack struct {
	head, tail *Member
	n          int
}

func (s *stack) push(m *Member) {
	m.on, m.prev, m.next = s, nil, s.head
	if s.head != nil {
		s.head.prev = m
	} else {
		s.tail = m
	}
	s.head = m
	s.n++
}

// pushLast puts m below all others.
func (s *stack) pushLast(m *Member) {
	m.on, m.prev, m.next = s, s.tail, nil
	if s.tail != nil {
		s.tail.next = m
	} else {
		s.head = m
	}
	s.tail = m
	s.n++
}

// unstack takes m out of the stack it is in, and says whether it was in one.
func (m *Member) unstack() bool {
	s := m.on
	if s == nil {
		return false
	}
	if m.prev != nil {
		m.prev.next = m.next
	} else {
		s.head = m.next
	}
	if m.next != nil {
		m.next.prev = m.prev
	} else {
		s.tail = m.prev
	}
	m.on, m.prev, m.next = nil, nil, nil
	s.n--
	return true
}
