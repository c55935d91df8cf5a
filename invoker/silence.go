package invoker

import (
	"sync"
	"time"
)

// silence calls f when a wait has lasted for its limit. What flows meanwhile makes it
// begin again.
type silence struct {
	limit time.Duration

	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	waiting bool
}

func newSilence(limit time.Duration, f func()) *silence {
	s := &silence{limit: limit}
	s.timer = time.AfterFunc(limit, f)
	s.timer.Stop()
	return s
}

func (s *silence) begin() { s.set(true) }
func (s *silence) end()   { s.set(false) }

func (s *silence) set(waiting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting = waiting; waiting {
		s.timer.Reset(s.limit)
	} else {
		s.timer.Stop()
	}
}

// broke says that something flowed.
func (s *silence) broke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting {
		s.timer.Reset(s.limit)
	}
}

func (s *silence) stop() { s.set(false) }
