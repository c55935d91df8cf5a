package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// What gRPC clients expect when there is no answer of their function, and how long they
// say they wait ("gRPC over HTTP2", the protocol's own document).

// isGRPC says whether r is a call of gRPC. gRPC-Web, whose errors are those of HTTP, is
// none.
func isGRPC(r *http.Request) bool {
	kind := r.Header["Content-Type"]
	if r.ProtoMajor != 2 || len(kind) != 1 {
		return false
	}
	rest, ok := strings.CutPrefix(kind[0], "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// The codes of gRPC that the platform uses.
const (
	grpcUnknown           = 2
	grpcInvalidArgument   = 3
	grpcDeadlineExceeded  = 4
	grpcPermissionDenied  = 7
	grpcResourceExhausted = 8
	grpcAborted           = 10
	grpcUnimplemented     = 12
	grpcInternal          = 13
	grpcUnavailable       = 14
	grpcUnauthenticated   = 16
)

// grpcCodes are the codes of the kinds of error. A function that does not exist is to a
// client a service that nobody implements.
var grpcCodes = map[string]int{
	"invalid":      grpcInvalidArgument,
	"unauthorized": grpcUnauthenticated,
	"forbidden":    grpcPermissionDenied,
	"not_found":    grpcUnimplemented,
	"conflict":     grpcAborted,
	"too_large":    grpcResourceExhausted,
	"limit":        grpcResourceExhausted,
	"timeout":      grpcDeadlineExceeded,
	"unavailable":  grpcUnavailable,
	"internal":     grpcInternal,
}

// writeGRPCError is writeError for a call of gRPC: an answer that is only a trailer.
func writeGRPCError(w http.ResponseWriter, err error, id string) {
	writeGRPCStatus(w, grpcCodes[slipway.Code(err)], describe(err, id).Error.Message)
}

// writeGRPCFailure is the answer for a function that failed. It may have run, so the code
// is not the one at which clients try again by themselves.
func writeGRPCFailure(w http.ResponseWriter, failure *slipway.FunctionError) {
	code := grpcUnknown
	if failure.Type == slipway.ErrorTypeTimeout {
		code = grpcDeadlineExceeded
	}
	writeGRPCStatus(w, code, failure.Message)
}

func writeGRPCStatus(w http.ResponseWriter, code int, message string) {
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(code))
	h.Set("Grpc-Message", grpcEscape(message))
	w.WriteHeader(http.StatusOK)
}

// grpcEscape is the percent-encoding of Grpc-Message: of everything but printable ASCII.
func grpcEscape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '%' {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// grpcDeadline is when the client stops waiting, as it says; zero when it says nothing.
func grpcDeadline(r *http.Request, received time.Time) time.Time {
	timeout := r.Header["Grpc-Timeout"]
	if len(timeout) != 1 || !isGRPC(r) {
		return time.Time{}
	}
	d, ok := parseGRPCTimeout(timeout[0])
	if !ok {
		return time.Time{}
	}
	return received.Add(d)
}

// parseGRPCTimeout reads at most eight digits and a unit.
func parseGRPCTimeout(s string) (time.Duration, bool) {
	if len(s) < 2 || len(s) > 9 {
		return 0, false
	}
	unit := grpcUnit(s[len(s)-1])
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if unit == 0 || err != nil {
		return 0, false
	}
	const longest = 24 * time.Hour // as long as any invocation may last
	if time.Duration(n) > longest/unit {
		return longest, true
	}
	return time.Duration(n) * unit, true
}

// grpcUnit is what a letter of Grpc-Timeout stands for; 0 is nothing.
func grpcUnit(letter byte) time.Duration {
	switch letter {
	case 'H':
		return time.Hour
	case 'M':
		return time.Minute
	case 'S':
		return time.Second
	case 'm':
		return time.Millisecond
	case 'u':
		return time.Microsecond
	case 'n':
		return time.Nanosecond
	}
	return 0
}
