package invoker

import (
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway"
)

// Most answers are small, and come in one piece: a head of plain fields with a
// Content-Length, and the body behind it. Those are read here, in place. Whatever is
// unusual in the least is left to net/http, and nothing of it has been consumed.

// wholeAnswer waits for the answer to a request with that method. It gives nil when that
// is not complete in the buffer, or needs a closer look.
func (c *httpConn) wholeAnswer(method string) *slipway.Response {
	c.in.left = maxHead
	if _, err := c.br.Peek(1); err != nil || method == http.MethodHead {
		return nil // the connection says so again
	}
	come, _ := c.br.Peek(c.br.Buffered())
	head, rest, ok := bytes.Cut(come, []byte("\r\n\r\n"))
	if !ok {
		return nil
	}
	resp := parseWhole(string(head))
	if resp == nil || resp.Length > int64(len(rest)) {
		return nil
	}
	if resp.Length > 0 {
		resp.Body = &wholeBody{rest: bytes.Clone(rest[:resp.Length])}
	}
	_, _ = c.br.Discard(len(head) + len("\r\n\r\n") + int(resp.Length)) // it is in the buffer
	c.in.left = -1
	return resp
}

// parseWhole reads a head without its empty line; nil means that it is not a plain one.
func parseWhole(head string) *slipway.Response {
	line, fields, _ := strings.Cut(head, "\r\n")
	status := parseStatus(line)
	if status == 0 {
		return nil
	}
	n := strings.Count(fields, "\r\n") + 1
	resp := &slipway.Response{Status: status, Header: make(slipway.Header, n), Length: -1}
	values := make([]string, 0, n) // one array for all: most names have one value
	for fields != "" {
		line, fields, _ = strings.Cut(fields, "\r\n")
		name, value, ok := parseField(line)
		if !ok || len(resp.Header[name]) > 0 && name == "Content-Length" {
			return nil
		}
		switch name {
		case "Connection": // to be kept is what the connection is anyway
			if !strings.EqualFold(value, "keep-alive") {
				return nil
			}
			continue
		case "Keep-Alive":
			continue
		case "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Connection":
			return nil
		case "Content-Length":
			if resp.Length = parseLength(value); resp.Length < 0 {
				return nil
			}
		}
		values = append(values, value)
		if before := resp.Header[name]; before != nil {
			resp.Header[name] = append(before, value)
		} else {
			resp.Header[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	if resp.Length < 0 {
		return nil
	}
	return resp
}

// parseStatus is the status in a status line (RFC 9112, section 4), or 0 when its answer
// is framed otherwise than by its length.
func parseStatus(line string) int {
	code, ok := strings.CutPrefix(line, "HTTP/1.1 ")
	if !ok || len(code) < 3 || len(code) > 3 && code[3] != ' ' || !printable(code) {
		return 0
	}
	status, err := strconv.Atoi(code[:3])
	if err != nil || status < 200 || status > 599 || status == 204 || status == 304 {
		return 0
	}
	return status
}

// parseField splits a field line (RFC 9112, section 5) and brings its name into
// canonical form.
func parseField(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	if !ok || name == "" {
		return "", "", false
	}
	for i := range len(name) {
		if c := name[i] | 0x20; (c < 'a' || c > 'z') && (name[i] < '0' || name[i] > '9') && name[i] != '-' && name[i] != '_' {
			return "", "", false // a token may hold more, but seldom does
		}
	}
	value = strings.Trim(value, " \t")
	return textproto.CanonicalMIMEHeaderKey(name), value, printable(value)
}

// printable says whether s has no control characters: above all no line feed, which
// others might take for the end of a line.
func printable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// parseLength is a Content-Length of the usual size, or -1.
func parseLength(s string) int64 {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return -1
	}
	return int64(n)
}

// wholeBody is a body that has come.
type wholeBody struct{ rest []byte }

func (b *wholeBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *wholeBody) Close() error { return nil }
