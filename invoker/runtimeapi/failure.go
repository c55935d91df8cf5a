package runtimeapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"

	"github.com/slipway-run/slipway"
)

// The fields that name the type of an error: of the post itself, and, as trailers, of
// an answer that failed in its middle.
const (
	errorTypeField = "Lambda-Runtime-Function-Error-Type"
	errorBodyField = "Lambda-Runtime-Function-Error-Body"
)

// invocationError takes the function's own error, in place of an answer.
func (s *Server) invocationError(w http.ResponseWriter, r *http.Request) {
	inv := s.claim(w, r)
	if inv == nil {
		return
	}
	payload, ok := readPayload(w, r, inv)
	if !ok {
		return
	}
	inv.result <- &Result{Error: reported(payload, r.Header.Get(errorTypeField), "Function.Unknown")}
	accepted(w)
}

// initErr takes the error of a program that could not initialize. It is allowed once,
// before the first poll.
func (s *Server) initErr(w http.ResponseWriter, r *http.Request) {
	inv := &invocation{result: make(chan *Result, 1)} // takes what is wrong with the post itself
	payload, ok := readPayload(w, r, inv)
	if !ok {
		return
	}
	s.mu.Lock()
	allowed := !s.hasPolled && s.initError == nil
	if allowed {
		s.initError = reported(payload, r.Header.Get(errorTypeField), "Runtime.Unknown")
		close(s.initFailed)
	}
	s.mu.Unlock()
	if !allowed {
		refuse(w, http.StatusForbidden, typeInvalidState, "State transition to InitError failed: initialization has ended already")
		return
	}
	accepted(w)
}

var knownType = regexp.MustCompile(`^(Runtime|Function)\.[A-Z][a-zA-Z]+$`)

// reported is an error document that the function sent. The document itself is kept
// as it is; type and message are read from it where they are there.
func reported(document []byte, headerType, unknown string) *slipway.FunctionError {
	var doc struct {
		Message    string          `json:"errorMessage"`
		Type       string          `json:"errorType"`
		StackTrace json.RawMessage `json:"stackTrace"`
		Trace      json.RawMessage `json:"trace"`
	}
	_ = json.Unmarshal(document, &doc) // whatever it is, it is shown verbatim
	failure := &slipway.FunctionError{Type: doc.Type, Message: doc.Message, Payload: document, StackTrace: doc.StackTrace, Handled: true}
	if failure.StackTrace == nil {
		failure.StackTrace = doc.Trace
	}
	if failure.Type == "" {
		failure.Type = unknown
		if knownType.MatchString(headerType) {
			failure.Type = headerType
		}
	}
	return failure
}

// trailerError is the error that the trailers of an answer report, or nil.
func trailerError(trailer http.Header) *slipway.FunctionError {
	errorType := trailer.Get(errorTypeField)
	if errorType == "" {
		return nil
	}
	body := trailer.Get(errorBodyField)
	document, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		document = []byte(body)
	}
	return reported(document, errorType, errorType)
}
