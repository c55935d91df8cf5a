package runtimeapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"syscall"
	"time"

	"github.com/slipway-run/slipway"
)

// SupervisorPath is where the supervisor of external extensions (package supervisor)
// calls: it says which it starts, waits until they are registered, starts the program,
// and says how processes ended. It runs in the sandbox; what it says is believed as far as
// what the program says is.
const SupervisorPath = "/slipway"

// Expected is what the supervisor is going to start.
type Expected struct {
	Extensions []string `json:"extensions"` // file names
}

// Exited is how a process of the supervisor ended.
type Exited struct {
	Extension string `json:"extension"` // its name; "" is the program
	Code      int    `json:"code"`
	Signal    int    `json:"signal"` // 0 when it exited
	Error     string `json:"error"`  // it could not be started
}

// Ending is what the supervisor is to do about the extensions when the program has ended.
type Ending struct {
	Await  []string      `json:"await"`  // they end by themselves; the others are killed
	Within time.Duration `json:"within"` // ns; then they are killed, too
}

// expect takes the names of the extensions that are about to start.
func (s *Server) expect(w http.ResponseWriter, r *http.Request) {
	var in Expected
	if err := json.NewDecoder(io.LimitReader(r.Body, maxRegistration)).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestFormat", err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.extensions.started || s.hasPolled || len(s.extensions.all) > 0 {
		refuseState(w, s.state(), "Started")
		return
	}
	s.extensions.started = true
	for _, name := range in.Extensions[:min(len(in.Extensions), maxExtensions)] {
		s.extensions.all = append(s.extensions.all, newExtension(path.Base(name), true))
	}
	if n := len(in.Extensions); n > maxExtensions {
		s.extensionFailed("Extension.TooManyExtensions", fmt.Sprintf("/opt/extensions has %d extensions, %d are allowed", n, maxExtensions))
	}
	accepted(w)
}

// registered blocks until all expected extensions are registered, or one cannot be.
func (s *Server) registered(w http.ResponseWriter, r *http.Request) {
	for {
		s.mu.Lock()
		waiting := s.extensions.find(func(e *extension) bool { return e.state == "Started" })
		failed, changed := s.initError != nil, s.extensions.changed
		s.mu.Unlock()
		switch {
		case failed:
			refuseState(w, "InitError", "Started")
			return
		case waiting == nil:
			accepted(w)
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		case <-s.closed:
			return
		}
	}
}

// processExited takes the end of a process. When it is the program's, extensions that
// asked for it are told that all ends.
func (s *Server) processExited(w http.ResponseWriter, r *http.Request) {
	var in Exited
	if err := json.NewDecoder(io.LimitReader(r.Body, maxRegistration)).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestFormat", err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Extension != "" {
		s.extensionExited(in)
		accepted(w)
		return
	}
	reply(w, http.StatusOK, s.programExited(in))
}

// extensionExited is what the end of an extension means. mu is held.
func (s *Server) extensionExited(in Exited) {
	e := s.extensions.find(func(e *extension) bool { return e.external && e.name == in.Extension })
	if e == nil {
		return
	}
	before := e.state
	e.state = "Exited"
	switch {
	case in.Error != "":
		s.extensionFailed("Extension.LaunchError", "extension "+e.name+": "+in.Error)
	case before == "InitError" || before == "ExitError": // it has said why
	default:
		s.extensionFailed("Extension.Crash", "extension "+e.name+" ended: "+in.exit().String())
	}
}

// programExited is what the end of the program means. mu is held.
func (s *Server) programExited(in Exited) Ending {
	end := &s.extensions.end
	if end.reason == "" {
		*end = shutdown{reason: ReasonFailure, deadline: time.Now().Add(Grace)}
	}
	if !end.begun {
		end.begun = true
		s.exit = in.exit()
		close(s.exited)
	}
	out := Ending{Within: time.Until(end.deadline)}
	for _, e := range s.extensions.all {
		if e.external && e.wants(eventShutdown) && e.state != "Exited" {
			out.Await = append(out.Await, e.name)
			e.tell(shutdownEvent{eventShutdown, end.deadline.UnixMilli(), end.reason})
		}
	}
	return out
}

func (e Exited) exit() slipway.Exit {
	return slipway.Exit{Code: e.Code, Signal: syscall.Signal(e.Signal)}
}

// Grace is how long an instance has to end once it is told to.
const Grace = 2 * time.Second

// Supervised says whether the program has a supervisor, which ends after it.
func (s *Server) Supervised() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.extensions.started
}

// End makes reason why the instance ends: what extensions are told when the program has
// ended. The first reason holds.
func (s *Server) End(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.extensions.end.reason == "" {
		s.extensions.end = shutdown{reason: reason, deadline: time.Now().Add(Grace)}
	}
}

// Exited is closed when the supervisor says that the program has ended; Exit is how.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Exit is meaningful after Exited.
func (s *Server) Exit() slipway.Exit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exit
}
