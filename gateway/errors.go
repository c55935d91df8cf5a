package gateway

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-run/slipway"
)

// statuses is the one table from kind of error to HTTP status.
var statuses = map[string]int{
	"invalid":      http.StatusBadRequest,
	"unauthorized": http.StatusUnauthorized,
	"forbidden":    http.StatusForbidden,
	"not_found":    http.StatusNotFound,
	"conflict":     http.StatusConflict,
	"too_large":    http.StatusRequestEntityTooLarge,
	"limit":        http.StatusTooManyRequests,
	"timeout":      http.StatusGatewayTimeout,
	"unavailable":  http.StatusServiceUnavailable,
	"internal":     http.StatusInternalServerError,
}

// errorDocument is how every error looks in JSON.
type errorDocument struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Type      string `json:"type,omitempty"` // of a function error: Sandbox.Timedout, Runtime.ExitError, …
	Log       string `json:"log,omitempty"`  // of a function error: the last lines the instance printed
	RequestID string `json:"request_id"`
}

// describe is what may be shown of err: the words of an error without a kind stay in the
// log, because nobody wrote them for a user.
func describe(err error, id string) errorDocument {
	body := errorBody{Code: slipway.Code(err), RequestID: id}
	var known *slipway.Error
	if errors.As(err, &known) {
		body.Message = known.Message
	} else if body.Code != "internal" {
		body.Message = err.Error()
	} else {
		body.Message = "something went wrong inside the platform; its log has more under this request id"
	}
	return errorDocument{body}
}

// writeError answers with err. The caller logs it when it is internal.
func writeError(w http.ResponseWriter, err error, id string) {
	h := w.Header()
	switch {
	case errors.Is(err, slipway.ErrUnavailable), errors.Is(err, slipway.ErrLimit):
		h.Set("Retry-After", seconds(slipway.RetryAfter(err)))
	case errors.Is(err, slipway.ErrUnauthorized):
		h.Set("WWW-Authenticate", "Bearer")
	}
	writeDocument(w, statuses[slipway.Code(err)], describe(err, id))
}

func writeDocument(w http.ResponseWriter, status int, doc any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	b, err := json.Marshal(doc)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer cannot be written as JSON"}}`)
	}
	h.Set("Content-Length", strconv.Itoa(len(b)+1))
	w.WriteHeader(status)
	w.Write(append(b, '\n')) // the client has gone when this is an error
}

// seconds is a wait in whole seconds, at least one.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

// isInternal says whether err is the platform's own fault and belongs in its log.
func isInternal(err error) bool { return slipway.Code(err) == "internal" }

// fromEcho gives the router's own errors a kind.
func fromEcho(err error, r *http.Request) error {
	var he *echo.HTTPError
	if !errors.As(err, &he) {
		return err
	}
	switch he.Code {
	case http.StatusNotFound:
		return slipway.Errorf(slipway.ErrNotFound, "there is no call %s %s; GET /openapi.json lists all", r.Method, r.URL.Path)
	case http.StatusMethodNotAllowed:
		return slipway.Errorf(slipway.ErrInvalid, "%s is not a method of %s; GET /openapi.json lists all calls", r.Method, r.URL.Path)
	default:
		return slipway.Errorf(slipway.ErrInternal, "router: %w", err)
	}
}
