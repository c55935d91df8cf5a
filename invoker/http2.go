package invoker

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-run/slipway"
)

// HTTP/2 goes to a process in clear text with prior knowledge (RFC 9113, section 3.3),
// over a connection of its own. Nobody has to configure it: gRPC, which is nothing
// without HTTP/2, is sent so; and so is everything to a process that shows that it
// speaks nothing else, by answering a new connection with its settings.

// streamBuffer is how much of one answer may wait unread in this process, in bytes.
const streamBuffer = 256 << 10

// newHTTP2 makes the client for the process of in.
func newHTTP2(in *instance, address string) *http.Transport {
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	return &http.Transport{
		Protocols: &only,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := in.dial(ctx, address)
			if err != nil {
				return nil, &dialError{err}
			}
			return conn, nil
		},
		DisableCompression:     true, // it is the client's business
		MaxResponseHeaderBytes: maxHead,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream:     streamBuffer,
			MaxReceiveBufferPerConnection: streamBuffer * max(1, in.spec.Config.Scaling.Concurrency), // no answer waits because nobody reads another
		},
	}
}

// dialError says that there was no connection: the process has seen nothing.
type dialError struct{ cause error }

func (e *dialError) Error() string { return e.cause.Error() }
func (e *dialError) Unwrap() error { return e.cause }

// isGRPC says whether req is a call of gRPC, as its content type tells (gRPC over
// HTTP2, "Requests"). gRPC-Web is made for HTTP/1.1 and is none.
func isGRPC(req *slipway.Request) bool {
	kind := req.Header["Content-Type"]
	if len(kind) != 1 || !strings.HasPrefix(req.Proto, "HTTP/2") {
		return false
	}
	rest, ok := strings.CutPrefix(kind[0], "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// settingsHead is how the fixed part of a server's first frame looks (RFC 9113, sections
// 3.4 and 6.5), after its length of three bytes: type 4, no flags, stream 0.
const (
	settingsHead = "\x04\x00\x00\x00\x00\x00"
	frameHead    = 3 + len(settingsHead)
)

// isSettings says whether what a server sends begins with its HTTP/2 settings. No answer
// of HTTP/1.1 begins so.
func isSettings(sent []byte) bool {
	return len(sent) >= frameHead && sent[0] == 0 && string(sent[3:frameHead]) == settingsHead
}

// http2Request is req as the client of net/http takes it. The header is a new one.
func http2Request(ctx context.Context, req *slipway.Request, body *http2Upload) *http.Request {
	r := (&http.Request{
		Method: req.Method, URL: http2URL(req), Host: req.Host,
		Header: http2Header(req), ContentLength: req.Length,
	}).WithContext(ctx)
	switch {
	case req.Body == nil || req.Length == 0:
		r.ContentLength = 0
	default:
		r.Body = body
	}
	if names := trailerNames(req); r.Body != nil && names != nil {
		r.Trailer = make(http.Header, len(names))
		for _, name := range names {
			r.Trailer[name] = nil
		}
		body.trailer = r.Trailer
	}
	return r
}

// http2URL keeps the target as it was sent.
func http2URL(req *slipway.Request) *url.URL {
	u := &url.URL{Scheme: "http", Host: req.Host, Opaque: req.Target}
	if strings.HasPrefix(req.Target, "//") { // net/http would take the first segment for a host
		path, query, _ := strings.Cut(req.Target, "?")
		u.Opaque, u.RawPath, u.RawQuery = "", path, query
		u.Path, _ = url.PathUnescape(path)
	}
	return u
}

func http2Header(req *slipway.Request) http.Header {
	h := http.Header(maps.Clone(req.Header))
	named := connectionFields(req.Header)
	maps.DeleteFunc(h, func(name string, _ []string) bool { return ownField(name) || slices.Contains(named, name) })
	eachForwarded(req, func(name, value string) { h[name] = []string{value} })
	if slices.ContainsFunc(req.Header["Te"], func(v string) bool { return strings.Contains(v, "trailers") }) {
		h["Te"] = []string{"trailers"} // many servers of gRPC insist on it
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // and not that of net/http
	}
	return h
}
