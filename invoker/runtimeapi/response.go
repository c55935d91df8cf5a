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

// typeInvalidModeHeader is the function error of an answer with an unknown mode.
const typeInvalidModeHeader = "Runtime.InvalidResponseModeHeader"

// response takes the answer to an event.
func (s *Server) response(w http.ResponseWriter, r *http.Request) {
	inv := s.claim(w, r, "InvocationResponse")
	if inv == nil {
		return
	}
	mode, contentType := r.Header.Get(modeHeader), r.Header.Get("Content-Type")
	if mode != "" && mode != "streaming" {
		inv.result <- &Result{Error: &slipway.FunctionError{Type: typeInvalidModeHeader,
			Message: fmt.Sprintf("RequestId: %s Error: the response mode is %q; it must be streaming, or not be said", inv.ID, mode)}}
		refuse(w, http.StatusBadRequest, typeInvalidMode, messageInvalidMode)
		return
	}
	if mode != "" || strings.HasPrefix(contentType, IntegrationType) {
		if stream(inv, r, contentType) {
			accepted(w)
		} else {
			refuse(w, http.StatusBadRequest, typeTruncated, messageTruncated)
		}
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
// when the post was refused. to is the state that the post would lead to.
func (s *Server) claim(w http.ResponseWriter, r *http.Request, to string) *invocation {
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
		refuseState(w, "RuntimeResponseSentState", to)
		return nil
	}
	return inv
}

// maxOverdue is how much more than MaxPayload of a post is read, and thrown away, so that
// its sender gets to see why it was refused.
const maxOverdue = 64 << 20

// readPayload reads the body of an answer. When it cannot be had whole, it ends the
// invocation and refuses the post.
func readPayload(w http.ResponseWriter, r *http.Request, inv *invocation) ([]byte, bool) {
	payload, err := readAll(r)
	switch {
	case errors.Is(err, errTooLarge):
		inv.result <- &Result{Error: &slipway.FunctionError{Type: slipway.ErrorTypeTooLarge,
			Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxPayload)}}
		_, _ = io.CopyN(io.Discard, r.Body, maxOverdue)
		refuse(w, http.StatusRequestEntityTooLarge, typeTooLarge, fmt.Sprintf(messageTooLarge, MaxPayload))
		return nil, false
	case err != nil:
		inv.result <- &Result{Error: &slipway.FunctionError{Type: "Runtime.TruncatedResponse",
			Message: fmt.Sprintf("RequestId: %s Error: the answer ended after %d bytes: %v", inv.ID, len(payload), err)}}
		refuse(w, http.StatusBadRequest, typeTruncated, messageTruncated)
		return nil, false
	}
	return payload, true
}

var errTooLarge = errors.New("larger than an answer may be")

// readAll reads a body that is not larger than an answer may be.
func readAll(r *http.Request) ([]byte, error) {
	if n := r.ContentLength; n >= 0 && n <= MaxPayload {
		b := make([]byte, n)
		n, err := io.ReadFull(r.Body, b)
		return b[:n], err
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload+1))
	if err == nil && len(b) > MaxPayload {
		err = errTooLarge
	}
	return b, err
}
