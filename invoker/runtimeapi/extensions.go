package runtimeapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/slipway-run/slipway"
)

// The Extensions API, version 2020-01-01:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html

// maxExtensions is how many one instance may have, as AWS has it.
const maxExtensions = 10

// maxRegistration bounds the body of a registration, in bytes.
const maxRegistration = 64 << 10

// The fields of the Extensions API.
const (
	extensionNameField  = "Lambda-Extension-Name"
	extensionIDField    = "Lambda-Extension-Identifier"
	extensionEventField = "Lambda-Extension-Event-Identifier"
	extensionErrorField = "Lambda-Extension-Function-Error-Type"
	acceptFeatureField  = "Lambda-Extension-Accept-Feature"
)

// The events that an extension can ask for.
const (
	eventInvoke   = "INVOKE"
	eventShutdown = "SHUTDOWN"
)

// extension is one process that registered, or is expected to. Internal ones are parts of
// the program.
type extension struct {
	name     string
	id       string
	external bool
	state    string // AWS's name of it
	events   []string
	pending  []any         // events it has not been given, oldest first
	news     chan struct{} // one when there is something in pending
}

func (e *extension) wants(event string) bool { return slices.Contains(e.events, event) }

// tell queues an event. The server's mu is held.
func (e *extension) tell(event any) {
	e.pending = append(e.pending, event)
	select {
	case e.news <- struct{}{}:
	default:
	}
}

// extensions are those of one instance. Server.mu guards them.
type extensions struct {
	all     []*extension
	changed chan struct{} // closed and made anew when anything here changes
	started bool          // their supervisor has said which to expect
	end     shutdown
}

func (x *extensions) change() {
	close(x.changed)
	x.changed = make(chan struct{})
}

func (x *extensions) find(match func(*extension) bool) *extension {
	if i := slices.IndexFunc(x.all, match); i >= 0 {
		return x.all[i]
	}
	return nil
}

// allWait says whether every extension waits for an event, and has none.
func (x *extensions) allWait() bool {
	return !slices.ContainsFunc(x.all, func(e *extension) bool { return e.state != "Ready" || len(e.pending) > 0 })
}

// allAsked says whether every extension has asked for its first event.
func (x *extensions) allAsked() bool {
	return !slices.ContainsFunc(x.all, func(e *extension) bool { return e.state == "Started" || e.state == "Registered" })
}

// registration is what an extension sends.
type registration struct {
	Events            []string `json:"events"`
	ConfigurationKeys []string `json:"configurationKeys"`
}

// register takes a new extension, or one that was started and is expected.
func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get(extensionNameField)
	if name == "" {
		refuseExtension(w, "InvalidExtensionName", "Empty extension name")
		return
	}
	var in registration
	if err := json.NewDecoder(io.LimitReader(r.Body, maxRegistration)).Decode(&in); err != nil {
		refuse(w, http.StatusForbidden, "InvalidRequestFormat", err.Error())
		return
	}
	if len(in.ConfigurationKeys) > 0 {
		refuse(w, http.StatusForbidden, "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead")
		return
	}
	e, problem := s.enroll(name, in.Events)
	if problem != nil {
		refuseExtension(w, problem.kind, problem.message)
		return
	}
	w.Header().Set(extensionIDField, e.id)
	doc := map[string]string{"functionName": s.cfg.Function, "functionVersion": s.cfg.Version, "handler": s.cfg.Handler}
	for feature := range strings.SplitSeq(r.Header.Get(acceptFeatureField), ",") {
		if strings.TrimSpace(feature) == "accountId" {
			doc["accountId"] = s.cfg.AccountID
		}
	}
	reply(w, http.StatusOK, doc)
}

// refusal is why an extension was refused.
type refusal struct{ kind, message string }

func (s *Server) enroll(name string, events []string) (*extension, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.extensions.find(func(e *extension) bool { return e.name == name && e.external })
	for _, event := range events {
		if event != eventInvoke && (event != eventShutdown || e == nil) {
			return nil, &refusal{"InvalidEventType", event + ": " + invalidEvent(event)}
		}
	}
	if e == nil {
		var problem *refusal
		if e, problem = s.enlist(name); problem != nil {
			return nil, problem
		}
	}
	if e.state != "Started" {
		return nil, &refusal{"InvalidExtensionState", extensionState(e.state, "Registered", name)}
	}
	e.state, e.events = "Registered", events
	s.extensions.change()
	return e, nil
}

func invalidEvent(event string) string {
	if event == eventShutdown {
		return "an internal extension cannot have it"
	}
	return "it must be INVOKE or SHUTDOWN"
}

// enlist makes room for an internal extension. mu is held.
func (s *Server) enlist(name string) (*extension, *refusal) {
	switch {
	case s.hasPolled:
		return nil, &refusal{"RegistrationClosed", "Extension registration closed already"}
	case s.extensions.find(func(e *extension) bool { return e.name == name }) != nil:
		return nil, &refusal{"InvalidExtensionState", "Extension with this name already registered"}
	case len(s.extensions.all) >= maxExtensions:
		return nil, &refusal{"TooManyExtensions", fmt.Sprintf("Extension limit (%d) reached", maxExtensions)}
	}
	e := newExtension(name, false)
	s.extensions.all = append(s.extensions.all, e)
	return e, nil
}

func newExtension(name string, external bool) *extension {
	return &extension{name: name, id: slipway.NewID(), external: external, state: "Started", news: make(chan struct{}, 1)}
}

func extensionState(from, to, who string) string {
	return fmt.Sprintf("State transition from %s to %s failed for extension %s. Error: %s", from, to, who, notAllowed)
}

// refuseExtension answers with 403 and an error of the Extensions API.
func refuseExtension(w http.ResponseWriter, kind, message string) {
	refuse(w, http.StatusForbidden, "Extension."+kind, message)
}

// identified is the extension that a call is of; nil when it was refused.
func (s *Server) identified(w http.ResponseWriter, r *http.Request) *extension {
	id := r.Header.Get(extensionIDField)
	if id == "" {
		refuseExtension(w, "MissingExtensionIdentifier", "Missing "+extensionIDField+" header")
		return nil
	}
	if !isUUID(id) {
		refuseExtension(w, "InvalidExtensionIdentifier", "Invalid "+extensionIDField)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.extensions.find(func(e *extension) bool { return strings.EqualFold(e.id, id) && e.state != "Started" })
	if e == nil {
		refuseExtension(w, "UnknownExtensionIdentifier", "Unknown extension "+id)
	}
	return e
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return false
		}
	}
	return true
}
