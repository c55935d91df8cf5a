package front

import (
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

const (
	maxHead = 8 << 10  // bytes; a longer head is not plain
	maxBody = 16 << 10 // bytes; nor is a request with a longer body
)

var (
	crlf    = []byte("\r\n")
	headEnd = []byte("\r\n\r\n")
)

// request is an http.Request with what it points to.
type request struct {
	http.Request
	url url.URL
}

// parse reads a plain request's head at the beginning of b; n is its length, and base
// what all requests of a connection have. A nil request with n == 0 means that more must
// come, one with n < 0 that it is not plain.
func parse(b []byte, base *http.Request) (r *request, n int) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		if len(b) >= maxHead || bareLineFeed(b) {
			return nil, -1
		}
		return nil, 0
	}
	if end > maxHead {
		return nil, -1
	}
	head := string(b[:end])
	line, fields, _ := strings.Cut(head, "\r\n")
	if r = parseLine(line, base); r == nil || !r.parseFields(fields) {
		return nil, -1
	}
	return r, end + len(headEnd)
}

// bareLineFeed says whether a line ends without a carriage return. Such a head may never
// have the end that is waited for.
func bareLineFeed(b []byte) bool {
	for i := bytes.IndexByte(b, '\n'); i >= 0; {
		if i == 0 || b[i-1] != '\r' {
			return true
		}
		next := bytes.IndexByte(b[i+1:], '\n')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return false
}

// parseLine reads a request line (RFC 9112, section 3) with a usual method, a path and
// HTTP/1.1.
func parseLine(line string, base *http.Request) *request {
	line, ok := strings.CutSuffix(line, " HTTP/1.1")
	method, target, found := strings.Cut(line, " ")
	if !ok || !found || !plainMethod(method) || !plainTarget(target) {
		return nil
	}
	r := &request{Request: *base}
	path, query, asked := strings.Cut(target, "?")
	r.url = url.URL{Path: path, RawQuery: query, ForceQuery: asked && query == ""}
	if !unescaped(path) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return nil
		}
		r.url = *u
	}
	r.Method, r.RequestURI, r.URL = method, target, &r.url
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	return r
}

// unescaped says whether a path is the same with and without escapes.
func unescaped(path string) bool {
	for i := range len(path) {
		if c := path[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '/' && c != '-' && c != '.' && c != '_' && c != '~' {
			return false
		}
	}
	return true
}

func plainMethod(s string) bool {
	switch s {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

// plainTarget says whether s is a path, perhaps with a query, of printable ASCII that
// begins with exactly one slash.
func plainTarget(s string) bool {
	if s == "" || s[0] != '/' || strings.HasPrefix(s, "//") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '"' || c == '<' || c == '>' || c == '\\' {
			return false
		}
	}
	return true
}

// parseFields reads field lines (RFC 9112, section 5). One Host there must be; what says
// how the message is framed, beyond one Content-Length, or concerns the connection is
// not plain.
func (r *request) parseFields(fields string) bool {
	n := strings.Count(fields, "\r\n") + 1
	r.Header = make(http.Header, n)
	values := make([]string, 0, n) // one array for all: most names have one value
	hosts := 0
	for fields != "" {
		var line string
		line, fields, _ = strings.Cut(fields, "\r\n")
		name, value, ok := plainField(line)
		if !ok {
			return false
		}
		switch name {
		case "Host":
			hosts++
			r.Host = value
			continue
		case "Content-Length":
			if r.Header[name] != nil || !r.parseLength(value) {
				return false
			}
		case "Connection": // to be kept is what a connection is anyway
			if !strings.EqualFold(value, "keep-alive") {
				return false
			}
		case "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Expect", "Http2-Settings",
			"Keep-Alive", "Proxy-Connection", "Pragma":
			return false
		}
		values = append(values, value)
		if before := r.Header[name]; before != nil {
			r.Header[name] = append(before, value)
		} else {
			r.Header[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	return hosts == 1 && plainHost(r.Host)
}

// parseLength reads a Content-Length of a small body.
func (r *request) parseLength(s string) bool {
	if len(s) == 0 || len(s) > 5 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	r.ContentLength, _ = strconv.ParseInt(s, 10, 32)
	return r.ContentLength <= maxBody
}

// plainField splits a field line, and brings its name into canonical form.
func plainField(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	if !ok || name == "" {
		return "", "", false
	}
	for i := range len(name) {
		if c := name[i] | 0x20; (c < 'a' || c > 'z') && (name[i] < '0' || name[i] > '9') && name[i] != '-' {
			return "", "", false // a token may hold more, but seldom does
		}
	}
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c >= 0x7f {
			return "", "", false
		}
	}
	return textproto.CanonicalMIMEHeaderKey(name), value, true
}

// plainHost says whether s is a name or an IPv4 address, perhaps with a port.
func plainHost(s string) bool {
	name, port, ported := strings.Cut(s, ":")
	if name == "" || ported && port == "" {
		return false
	}
	for i := range len(name) {
		if c := name[i] | 0x20; (c < 'a' || c > 'z') && (name[i] < '0' || name[i] > '9') && name[i] != '-' && name[i] != '.' {
			return false
		}
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return false
		}
	}
	return true
}
