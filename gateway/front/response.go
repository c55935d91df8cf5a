package front

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// pieceBytes is the size from which a piece of an answer is written as it is; smaller ones
// are collected.
const pieceBytes = 4 << 10

// response is the answer to one request, as an http.ResponseWriter.
type response struct {
	conn    *conn
	request *http.Request
	header  http.Header

	begun   bool  // the head is made
	empty   bool  // it has no body, whatever is written
	chunked bool  // its length was not said
	length  int64 // of the body, as said; -1
	sent    int64
	trailer []string // names that the head has announced
	err     error    // of writing
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// WriteHeader makes the head. An answer whose length is not known is chunked (RFC 9112,
// section 7.1).
func (w *response) WriteHeader(status int) {
	if w.begun || status < 200 {
		return
	}
	w.begun = true
	w.empty = w.request.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified
	if said := w.header["Content-Length"]; len(said) == 1 {
		if n, err := strconv.ParseInt(said[0], 10, 64); err == nil && n >= 0 {
			w.length = n
		}
	}
	w.chunked = w.length < 0 && !w.empty
	b := append(w.conn.out[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(append(b, ' '), http.StatusText(status)...), "\r\n"...)
	for name, values := range w.header {
		b = w.appendField(b, status, name, values)
	}
	if _, ok := w.header["Date"]; !ok {
		b = append(b, "Date: "...)
		b = append(time.Now().UTC().AppendFormat(b, http.TimeFormat), "\r\n"...)
	}
	if w.chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if w.conn.s.closing.Load() {
		b = append(b, "Connection: close\r\n"...)
	}
	w.conn.out = append(b, "\r\n"...)
}

// appendField leaves out what is framed here, and what could not be read.
func (w *response) appendField(b []byte, status int, name string, values []string) []byte {
	switch name {
	case "Content-Length":
		if w.length < 0 || status == http.StatusNoContent {
			return b
		}
	case "Transfer-Encoding", "Connection":
		return b
	case "Trailer":
		if !w.chunked {
			return b
		}
		for _, v := range values {
			for announced := range strings.SplitSeq(v, ",") {
				w.trailer = append(w.trailer, http.CanonicalHeaderKey(strings.TrimSpace(announced)))
			}
		}
	}
	return appendValues(b, name, values)
}

// appendValues writes a field, if it has a name that can be written.
func appendValues(b []byte, name string, values []string) []byte {
	if !token(name) {
		return b
	}
	for _, v := range values {
		b = append(append(b, name...), ": "...)
		at := len(b)
		b = append(b, v...)
		for i := at; i < len(b); i++ {
			if c := b[i]; c < ' ' && c != '\t' || c == 0x7f {
				b[i] = ' '
			}
		}
		b = append(b, "\r\n"...)
	}
	return b
}

// token says whether s is one (RFC 9110, section 5.6.2).
func token(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	n := len(p)
	switch {
	case w.err != nil:
		return 0, w.err
	case w.empty || len(p) == 0:
		return n, nil
	case !w.chunked && w.sent+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	w.sent += int64(len(p))
	out := w.conn.out
	if w.chunked {
		out = append(strconv.AppendInt(out, int64(len(p)), 16), crlf...)
	}
	if len(p) >= pieceBytes { // not worth a copy
		w.conn.out = out
		w.send(p)
		out, p = w.conn.out, nil
	}
	out = append(out, p...)
	if w.chunked {
		out = append(out, crlf...)
	}
	if w.conn.out = out; len(out) >= 2*pieceBytes {
		w.send(nil)
	}
	return n, w.err
}

// Flush implements http.Flusher.
func (w *response) Flush() {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	w.send(nil)
}

// send writes what was collected, and p.
func (w *response) send(p []byte) {
	switch out := w.conn.out; {
	case w.err != nil:
	case p != nil:
		_, w.err = (&net.Buffers{out, p}).WriteTo(w.conn.Conn)
	case len(out) > 0:
		_, w.err = w.conn.Conn.Write(out)
	}
	if w.conn.out = w.conn.out[:0]; cap(w.conn.out) > 4*pieceBytes {
		w.conn.out = nil // many connections are idle for long
	}
}

// finish ends the answer, and says whether the client can tell where that is.
func (w *response) finish() bool {
	if !w.begun {
		w.header["Content-Length"] = []string{"0"}
		w.WriteHeader(http.StatusOK)
	}
	if w.chunked {
		w.conn.out = append(w.appendTrailer(append(w.conn.out, "0\r\n"...)), crlf...)
	}
	w.send(nil)
	return w.err == nil && (w.empty || w.chunked || w.sent == w.length)
}

// appendTrailer writes what was announced, and what has the prefix of net/http.
func (w *response) appendTrailer(b []byte) []byte {
	for _, name := range w.trailer {
		b = appendValues(b, name, w.header[name])
	}
	for name, values := range w.header {
		if rest, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			b = appendValues(b, rest, values)
		}
	}
	return b
}
