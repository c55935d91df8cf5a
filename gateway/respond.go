package gateway

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// copyBuffers hold pieces of bodies on their way out.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// hopByHop are the fields that belong to one connection (RFC 9110, section 7.6.1).
var hopByHop = [...]string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Te", "Trailer", "Upgrade"}

// setTimings says where the time went, on every answer of a function.
func setTimings(h http.Header, f flight) {
	cold := "false"
	if f.resp.ColdStart {
		cold = "true"
	}
	h["X-Slipway-Cold-Start"] = []string{cold}
	h["Server-Timing"] = []string{serverTiming(f.route+f.resp.Phases.Route, f.resp.Phases, f.resp.Used)}
}

// serverTiming is a Server-Timing field (W3C Server Timing): durations in milliseconds.
// The processor time stands there when it is known.
func serverTiming(route time.Duration, p slipway.Phases, used slipway.Used) string {
	var buf [128]byte
	b := appendMetric(buf[:0], "route", route)
	b = appendMetric(append(b, ", "...), "queue", p.Queue)
	b = appendMetric(append(b, ", "...), "start", p.Start)
	b = appendMetric(append(b, ", "...), "run", p.Run)
	if used.CPU > 0 {
		b = appendMetric(append(b, ", "...), "cpu", used.CPU)
	}
	return string(b)
}

func appendMetric(b []byte, name string, d time.Duration) []byte {
	b = append(append(b, name...), ";dur="...)
	return strconv.AppendFloat(b, float64(d.Microseconds())/1000, 'f', -1, 64)
}

// writeResponse gives a function's answer to the client, as it comes.
func writeResponse(w http.ResponseWriter, r *http.Request, resp *slipway.Response, id string) {
	h := w.Header()
	copyHeader(h, resp.Header)
	if announced := resp.Header["Trailer"]; resp.Trailer != nil && announced != nil {
		h["Trailer"] = announced
	}
	h["X-Request-Id"] = []string{id}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // what the function does not say is not guessed
	}
	if r.Method != http.MethodHead && resp.Status != http.StatusNotModified {
		delete(h, "Content-Length")
		if resp.Length >= 0 && resp.Status >= 200 && resp.Status != http.StatusNoContent {
			h["Content-Length"] = []string{strconv.FormatInt(resp.Length, 10)}
		}
	}
	w.WriteHeader(resp.Status)
	if resp.Body == nil {
		return
	}
	live := resp.Length < 0 || strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
	if !copyBody(w, resp.Body, live) {
		panic(http.ErrAbortHandler) // the client must see that the body is not complete
	}
	if resp.Trailer != nil {
		writeTrailer(h, resp.Trailer())
	}
}

// writeTrailer sends a trailer after the body: net/http wants what was announced under
// its own name, and the rest under a name with a prefix.
func writeTrailer(h http.Header, trailer slipway.Header) {
	announced := fieldNames(h["Trailer"])
	for name, values := range trailer {
		if slices.Contains(announced, name) {
			h[name] = values
		} else {
			h[http.TrailerPrefix+name] = values
		}
	}
}

func copyHeader(dst http.Header, src slipway.Header) {
	for name, values := range src {
		dst[name] = values
	}
	for _, name := range hopByHop {
		delete(dst, name)
	}
}

// copyBody says whether src was read to its end. A live body is flushed as it comes.
func copyBody(w http.ResponseWriter, src io.Reader, live bool) bool {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	flusher, _ := w.(http.Flusher)
	live = live && flusher != nil
	if live {
		flusher.Flush()
	}
	for {
		n, err := src.Read(*buf)
		if n > 0 {
			if _, err := w.Write((*buf)[:n]); err != nil {
				return true // the client has gone; closing the body says so to the function
			}
		}
		if err != nil {
			return err == io.EOF
		}
		if live && n > 0 {
			flusher.Flush()
		}
	}
}

// writeFunctionError answers an HTTP event whose function failed: 504 when it ran out
// of time, else 502.
func writeFunctionError(w http.ResponseWriter, r *http.Request, resp *slipway.Response, id string) {
	fe := resp.FunctionError
	if isGRPC(r) {
		writeGRPCFailure(w, fe)
		return
	}
	status := http.StatusBadGateway
	if fe.Type == slipway.ErrorTypeTimeout {
		status = http.StatusGatewayTimeout
	}
	writeDocument(w, status, errorDocument{errorBody{
		Code: "function_error", Message: fe.Message, Type: fe.Type, Log: resp.LogTail, RequestID: id,
	}})
}
