package runtimeapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// routes is the table of calls.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	const base = "/2018-06-01"
	mux.HandleFunc("GET "+base+"/runtime/invocation/next", s.next)
	mux.HandleFunc("POST "+base+"/runtime/invocation/{id}/response", s.response)
	mux.HandleFunc("POST "+base+"/runtime/invocation/{id}/error", s.invocationError)
	mux.HandleFunc("POST "+base+"/runtime/init/error", s.initErr)
	mux.HandleFunc("GET "+base+"/ping", ping)
	mux.HandleFunc("/", unknown)
	return mux
}

func ping(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "pong") }

func unknown(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, "NotFound", fmt.Sprintf("%s %s is no call of the Runtime API 2018-06-01 that is served here", r.Method, r.URL.Path))
}

// The error types of AWS's runtime interface.
const (
	typeInvalidState   = "InvalidStateTransition"
	typeInvalidID      = "InvalidRequestID"
	typeTooLarge       = "RequestEntityTooLarge"
	typeTruncated      = "TruncatedHTTPRequest"
	typeInvalidMode    = "InvalidFunctionResponseMode"
	messageInvalidID   = "Invalid request ID"
	messageTooLarge    = "Exceeded maximum allowed payload size (%d bytes)."
	messageInvalidMode = "Invalid response mode: %q; it must be streaming, or absent"
)

// accepted answers a post that was taken.
func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "{\"status\":\"OK\"}\n") // a program that has gone needs no answer
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, errorType})
}
