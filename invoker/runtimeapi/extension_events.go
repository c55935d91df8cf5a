package runtimeapi

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
)

// invokeEvent and shutdownEvent are what extensions get.
type invokeEvent struct {
	EventType          string  `json:"eventType"`
	DeadlineMs         int64   `json:"deadlineMs"`
	RequestID          string  `json:"requestId"`
	InvokedFunctionArn string  `json:"invokedFunctionArn"`
	Tracing            tracing `json:"tracing"`
}

type tracing struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type shutdownEvent struct {
	EventType      string `json:"eventType"`
	DeadlineMs     int64  `json:"deadlineMs"`
	ShutdownReason string `json:"shutdownReason"`
}

// The reasons of a shutdown.
const (
	ReasonSpindown = "SPINDOWN" // the instance is not needed any more
	ReasonTimeout  = "TIMEOUT"  // an event took too long
	ReasonFailure  = "FAILURE"  // the program ended by itself
)

// shutdown is how an instance ends.
type shutdown struct {
	reason   string
	deadline time.Time
	begun    bool // extensions have been told
}

// maxPending bounds the events of an extension that does not ask for them; it gets no
// more until it does.
const maxPending = 1000

// announce tells the extensions that asked for it of an event.
func (s *Server) announce(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.extensions.all {
		if x.wants(eventInvoke) && len(x.pending) < maxPending {
			x.tell(invokeEvent{eventInvoke, e.Deadline.UnixMilli(), e.ID, e.FunctionARN, tracing{"X-Amzn-Trace-Id", e.TraceID}})
		}
	}
}

// extensionNext blocks until there is an event for an extension, with no timeout. It also
// says that the extension is done with the event before.
func (s *Server) extensionNext(w http.ResponseWriter, r *http.Request) {
	e := s.identified(w, r)
	if e == nil {
		return
	}
	if state := s.wait(e); state != "" {
		refuseExtension(w, "InvalidExtensionState", extensionState(state, "Ready", e.id))
		return
	}
	for {
		if event := s.take(e); event != nil {
			if r.Context().Err() != nil {
				s.putBack(e, event)
				return
			}
			w.Header().Set(extensionEventField, slipway.NewID())
			reply(w, http.StatusOK, event)
			return
		}
		select {
		case <-e.news:
		case <-r.Context().Done():
			s.unwait(e)
			return
		case <-s.closed:
			return
		}
	}
}

// wait makes e wait for an event, or says in which state it may not.
func (s *Server) wait(e *extension) (state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.state != "Registered" && e.state != "Running" {
		return e.state
	}
	e.state = "Ready"
	s.checkReady()
	s.extensions.change()
	return ""
}

// unwait takes note of a poll that broke: the extension may poll again.
func (s *Server) unwait(e *extension) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.state == "Ready" {
		e.state = "Running"
	}
}

// take is the oldest event that e has not been given, or nil.
func (s *Server) take(e *extension) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(e.pending) == 0 {
		return nil
	}
	event := e.pending[0]
	e.pending = e.pending[1:]
	e.state = "Running"
	return event
}

// putBack keeps an event that its poll could not be given for the next one.
func (s *Server) putBack(e *extension, event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.pending = append([]any{event}, e.pending...)
	select {
	case e.news <- struct{}{}:
	default:
	}
}

// extensionInitError and extensionExitError take the last word of an extension.
func (s *Server) extensionInitError(w http.ResponseWriter, r *http.Request) {
	s.extensionError(w, r, "InitError", "Registered")
}

func (s *Server) extensionExitError(w http.ResponseWriter, r *http.Request) {
	s.extensionError(w, r, "ExitError", "Registered", "Ready", "Running")
}

func (s *Server) extensionError(w http.ResponseWriter, r *http.Request, to string, from ...string) {
	e := s.identified(w, r)
	if e == nil {
		return
	}
	errorType := r.Header.Get(extensionErrorField)
	if errorType == "" {
		refuseExtension(w, "MissingHeader", extensionErrorField+" not found")
		return
	}
	s.mu.Lock()
	state, allowed := e.state, e.state == to // once more changes nothing
	for _, f := range from {
		allowed = allowed || e.state == f
	}
	if allowed && state != to {
		e.state = to
		s.extensionFailed("Extension."+to, "extension "+e.name+": "+errorType)
	}
	s.mu.Unlock()
	if !allowed {
		refuseExtension(w, "InvalidExtensionState", extensionState(state, to, e.id))
		return
	}
	accepted(w)
}

// extensionFailed ends the instance for the fault of an extension: the start, or the
// events that it has. mu is held.
func (s *Server) extensionFailed(errorType, message string) {
	if s.extensions.end.reason != "" {
		return // it was to end anyway
	}
	failure := &slipway.FunctionError{Type: errorType, Message: message}
	if s.failInit(failure) || s.failure != nil {
		return
	}
	s.failure = failure
	for _, inv := range s.given {
		if !inv.answered {
			inv.answered = true
			inv.result <- &Result{Error: &slipway.FunctionError{Type: errorType, Message: "RequestId: " + inv.ID + " Error: " + message}}
		}
	}
	s.extensions.change()
}

// Extended says whether the instance has extensions.
func (s *Server) Extended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.extensions.all) > 0
}

// Settle waits until every extension is done with the event, and says whether that came
// to be: before ctx ended, and without one that failed.
func (s *Server) Settle(ctx context.Context) bool {
	for {
		s.mu.Lock()
		settled, failed, changed := s.extensions.allWait(), s.failure != nil, s.extensions.changed
		s.mu.Unlock()
		switch {
		case failed:
			return false
		case settled:
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		case <-s.exited:
			return false
		case <-s.closed:
			return false
		}
	}
}
