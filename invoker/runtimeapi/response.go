package runtimeapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/slipway-run/slipway"
)

// IntegrationType is the content type of a streamed answer to an HTTP event: a JSON
// prelude, 8 NUL bytes, and the body.
const IntegrationType = "application/vnd.awslambda.http-integration-response"

const modeHeader = "Lambda-Runtime-Function-Response-Mode"

// response takes the answer to an event.
func (s *Server) response(w http.ResponseWriter, r *http.Request) {
	mode := r.Header.Get(modeHeader)
	if mode != "" && !strings.EqualFold(mode, "streaming") {
		refuse(w, http.StatusBadRequest, typeInvalidMode, fmt.Sprintf(messageInvalidMode, mode))
		return
	}
	inv := s.claim(w, r)
	if inv == nil {
		return
	}
	contentType := r.Header.Get("Content-Type")
	if mode != "" || strings.HasPrefix(contentType, IntegrationType) {
		stream(inv, r, contentType)
		accepted(w)
		return
	}
	payload, ok := readPayload(w, r, inv)
	if !ok {
		return
	}
	if failure := trailerError(r.Trailer); failure != nil {
		inv.result <- &Result{Error: failure}
	} else {
		inv.result <- &Result{ContentType: contentType, Payload: payload}
	}
	accepted(w)
}

// claim finds the event that a post answers; from then on it is answered. It is nil
// when the post was refused.
func (s *Server) claim(w http.ResponseWriter, r *http.Request) *invocation {
	s.mu.Lock()
	inv := s.given[r.PathValue("id")]
	first := inv != nil && !inv.answered
	if first {
		inv.answered = true
	}
	s.mu.Unlock()
	switch {
	case inv == nil:
		refuse(w, http.StatusBadRequest, typeInvalidID, messageInvalidID)
		return nil
	case !first:
		refuse(w, http.StatusForbidden, typeInvalidState, "State transition from InvocationResponse to InvocationResponse failed: the event has an answer already")
		return nil
	}
	return inv
}

// readPayload reads the body of an answer. When it cannot be had whole, it ends the
// invocation and refuses the post.
func readPayload(w http.ResponseWriter, r *http.Request, inv *invocation) ([]byte, bool) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		inv.result <- &Result{Error: &slipway.FunctionError{Type: slipway.ErrorTypeTooLarge,
			Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxPayload)}}
		refuse(w, http.StatusRequestEntityTooLarge, typeTooLarge, fmt.Sprintf(messageTooLarge, MaxPayload))
		return nil, false
	case err != nil:
		inv.result <- &Result{Error: &slipway.FunctionError{Type: "Runtime.TruncatedResponse",
			Message: fmt.Sprintf("RequestId: %s Error: the answer ended after %d bytes: %v", inv.ID, len(payload), err)}}
		refuse(w, http.StatusBadRequest, typeTruncated, "HTTP request detected as truncated")
		return nil, false
	}
	return payload, true
}
