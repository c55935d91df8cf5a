package runtimeapi

import (
	"net/http"
	"strconv"
)

// next blocks until there is an event, with no timeout. It also ends the invocations
// that were answered before.
func (s *Server) next(w http.ResponseWriter, r *http.Request) {
	if state := s.poll(); state != "" {
		refuseState(w, state, "Ready")
		return
	}
	select {
	case inv := <-s.events:
		s.give(inv)
		if r.Context().Err() != nil || !deliver(w, inv) {
			s.takeBack(inv)
		}
	case <-r.Context().Done():
	case <-s.closed:
	}
}

// poll says in which state the program may not get one more event; "" when it may.
func (s *Server) poll() (state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.initError != nil {
		return "InitError"
	}
	for id, inv := range s.given {
		if inv.answered || inv.ctx.Err() != nil {
			delete(s.given, id)
		}
	}
	if len(s.given) >= s.cfg.Concurrency {
		return "Running"
	}
	s.hasPolled = true
	s.checkReady()
	return ""
}

func (s *Server) give(inv *invocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given[inv.ID] = inv
}

// takeBack offers an event that its poll could not be given to the next poll.
func (s *Server) takeBack(inv *invocation) {
	s.mu.Lock()
	delete(s.given, inv.ID)
	s.mu.Unlock()
	select {
	case s.events <- inv:
	case <-inv.ctx.Done():
	case <-s.closed:
	}
}

// deliver writes an event to its poll, and says whether the connection took it.
func deliver(w http.ResponseWriter, inv *invocation) bool {
	h := w.Header()
	set := func(name, value string) {
		if value != "" {
			h[name] = []string{value}
		}
	}
	set("Lambda-Runtime-Aws-Request-Id", inv.ID)
	set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.Deadline.UnixMilli(), 10))
	set("Lambda-Runtime-Invoked-Function-Arn", inv.FunctionARN)
	set("Lambda-Runtime-Trace-Id", inv.TraceID)
	set("Lambda-Runtime-Client-Context", inv.Context)
	set("Lambda-Runtime-Cognito-Identity", inv.Identity)
	if inv.Attempt > 0 {
		set("Slipway-Attempt", strconv.Itoa(inv.Attempt))
	}
	set("Content-Type", "application/json")
	set("Content-Type", inv.ContentType)
	set("Content-Length", strconv.Itoa(len(inv.Payload)))
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(inv.Payload); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil
}
