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

// causeType is the content type of an error document with a cause for X-Ray in it. Nobody
// here reads causes; what the caller gets is the document without it.
const causeType = "application/vnd.aws.lambda.error.cause+json"

// invocationError takes the function's own error, in place of an answer.
func (s *Server) invocationError(w http.ResponseWriter, r *http.Request) {
	inv := s.claim(w, r, "InvocationErrorResponse")
	if inv == nil {
		return
	}
	payload, ok := readPayload(w, r, inv)
	if !ok {
		return
	}
	if r.Header.Get("Content-Type") == causeType {
		payload = withoutCause(payload)
	}
	inv.result <- &Result{Error: reported(payload, r.Header.Get(errorTypeField), "Function.Unknown")}
	accepted(w)
}

// withoutCause is what the caller gets of a document with a cause; what is no such
// document becomes a string that says so, as AWS has it.
func withoutCause(document []byte) []byte {
	var doc struct {
		Message    string          `json:"errorMessage"`
		Type       string          `json:"errorType"`
		StackTrace json.RawMessage `json:"stackTrace,omitempty"`
	}
	if json.Unmarshal(document, &doc) != nil {
		return []byte(`"Invalid error body"`)
	}
	kept, err := json.Marshal(doc)
	if err != nil {
		return []byte(`"Invalid error body"`)
	}
	return kept
}

// initErr takes the error of a program that could not initialize. It is allowed once,
// before the first poll.
func (s *Server) initErr(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	state, allowed := s.state(), !s.initPosted
	s.initPosted = true
	s.mu.Unlock()
	if state != "Started" || !allowed {
		refuseState(w, state, "InitError")
		return
	}
	inv := &invocation{result: make(chan *Result, 1)} // takes what is wrong with the post itself
	var failure *slipway.FunctionError
	payload, ok := readPayload(w, r, inv)
	if ok {
		failure = reported(payload, r.Header.Get(errorTypeField), "Runtime.Unknown")
		accepted(w)
	} else {
		failure = (<-inv.result).Error
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failInit(failure)
}

// state is AWS's name of the program's state. mu is held.
func (s *Server) state() string {
	switch {
	case s.initError != nil:
		return "InitError"
	case !s.hasPolled:
		return "Started"
	}
	for _, inv := range s.given {
		if !inv.answered {
			return "Running"
		}
	}
	return "Ready"
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
