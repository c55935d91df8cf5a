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
	const runtime, extension = "/2018-06-01", "/2020-01-01/extension"
	mux.HandleFunc("GET "+runtime+"/runtime/invocation/next", s.next)
	mux.HandleFunc("POST "+runtime+"/runtime/invocation/{id}/response", s.response)
	mux.HandleFunc("POST "+runtime+"/runtime/invocation/{id}/error", s.invocationError)
	mux.HandleFunc("POST "+runtime+"/runtime/init/error", s.initErr)
	mux.HandleFunc("GET "+runtime+"/ping", ping)
	mux.HandleFunc("POST "+extension+"/register", s.register)
	mux.HandleFunc("GET "+extension+"/event/next", s.extensionNext)
	mux.HandleFunc("POST "+extension+"/init/error", s.extensionInitError)
	mux.HandleFunc("POST "+extension+"/exit/error", s.extensionExitError)
	mux.HandleFunc("POST "+SupervisorPath+"/extensions", s.expect)
	mux.HandleFunc("GET "+SupervisorPath+"/registered", s.registered)
	mux.HandleFunc("POST "+SupervisorPath+"/exited", s.processExited)
	mux.HandleFunc("/", unknown)
	return mux
}

func ping(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "pong") }

func unknown(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, "NotFound", fmt.Sprintf("%s %s is not served here; what is stands in docs/reference/lambda.md", r.Method, r.URL.Path))
}

// The error types of AWS's runtime interface, and its words for them.
const (
	typeInvalidState   = "InvalidStateTransition"
	typeInvalidID      = "InvalidRequestID"
	typeTooLarge       = "RequestEntityTooLarge"
	typeTruncated      = "TruncatedHTTPRequest"
	typeInvalidMode    = "InvalidFunctionResponseMode"
	messageInvalidID   = "Invalid request ID"
	messageTooLarge    = "Exceeded maximum allowed payload size (%d bytes)."
	messageTruncated   = "HTTP request detected as truncated"
	messageInvalidMode = "Invalid function response mode"
)

// accepted answers a post that was taken.
func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "{\"status\":\"OK\"}\n") // a program that has gone needs no answer
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	reply(w, status, struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, errorType})
}

// refuseState answers a call that is not allowed in the state from; AWS words it so.
func refuseState(w http.ResponseWriter, from, to string) {
	refuse(w, http.StatusForbidden, typeInvalidState, fmt.Sprintf("State transition from %s to %s failed for runtime. Error: %s", from, to, notAllowed))
}

const notAllowed = "State transition is not allowed"

func reply(w http.ResponseWriter, status int, doc any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc) // a program that has gone needs no answer
}
