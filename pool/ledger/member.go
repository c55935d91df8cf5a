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
	memoryMB int          // promised
	cause    *Waiter      // for whom it was started
	number   int64        // in the order of starts

	instance  Instance // nil while it starts
	state     memberState
	startedAt time.Time
	idleSince time.Time
	inFlight  int
	served    int64
	fresh     bool // no slot was given yet
	retired   bool // gets nothing new

	listed     bool // in the stack
	prev, next *Member
}

// Spec is what the member is, or is to be, started with.
func (m *Member) Spec() slipway.Spec { return m.spec }

// Instance is what Started said; nil before.
func (m *Member) Instance() Instance { return m.instance }

// stack holds the members with a free slot, the one used last at the head. It is
// linked through its members so that any of them can be taken out at once.
type stack struct{ head, tail *Member }

func (s *stack) push(m *Member) {
	m.listed, m.prev, m.next = true, nil, s.head
	if s.head != nil {
		s.head.prev = m
	} else {
		s.tail = m
	}
	s.head = m
}

// remove says whether m was in the stack.
func (s *stack) remove(m *Member) bool {
	if !m.listed {
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
	m.listed, m.prev, m.next = false, nil, nil
	return true
}
