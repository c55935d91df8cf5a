package invoker

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway"
)

// framing is how the body of a request is delimited.
type framing int

const (
	noBody framing = iota
	counted
	chunked
	raw // what follows a switch of protocols
)

func framingOf(req *slipway.Request) framing {
	switch {
	case upgrade(req.Header) != "":
		return raw
	case req.Body == nil || req.Length == 0:
		return noBody
	case req.Length > 0:
		return counted
	default:
		return chunked
	}
}

// appendHead writes the head of a request as it goes to an instance: the client's
// fields without those that belong to its own connection, and who the client is.
func appendHead(b []byte, req *slipway.Request, body framing) []byte {
	b = append(append(append(b, req.Method...), ' '), req.Target...)
	b = append(append(b, " HTTP/1.1\r\nHost: "...), req.Host...)
	b = append(b, "\r\n"...)
	named := connectionFields(req.Header)
	for name, values := range req.Header {
		if ownField(name) || slices.Contains(named, name) {
			continue
		}
		for _, v := range values {
			b = appendField(b, name, v)
		}
	}
	eachForwarded(req, func(name, value string) { b = appendField(b, name, value) })
	switch body {
	case counted:
		b = appendField(b, "Content-Length", strconv.FormatInt(req.Length, 10))
	case chunked:
		b = appendField(b, "Transfer-Encoding", "chunked")
		if names := trailerNames(req); names != nil {
			b = appendField(b, "Trailer", strings.Join(names, ", "))
		}
	case raw:
		b = appendField(b, "Connection", "Upgrade")
		b = appendField(b, "Upgrade", upgrade(req.Header))
	case noBody:
		if req.Method == http.MethodPost || req.Method == http.MethodPut || req.Method == http.MethodPatch {
			b = append(b, "Content-Length: 0\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// eachForwarded says who the client is, after those that proxies before us named.
func eachForwarded(req *slipway.Request, add func(name, value string)) {
	client, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		client = req.RemoteAddr
	}
	if before := req.Header["X-Forwarded-For"]; len(before) > 0 {
		client = strings.Join(before, ", ") + ", " + client
	}
	if client != "" {
		add("X-Forwarded-For", client)
	}
	if len(req.Header["X-Forwarded-Proto"]) == 0 {
		scheme := "http"
		if req.Secure {
			scheme = "https"
		}
		add("X-Forwarded-Proto", scheme)
	}
	if len(req.Header["X-Forwarded-Host"]) == 0 {
		add("X-Forwarded-Host", req.Host)
	}
	if len(req.Header["X-Request-Id"]) == 0 {
		add("X-Request-Id", req.ID)
	}
}

// ownField says whether a field is written by us, or belongs to one connection only
// (RFC 9110, section 7.6.1). Expect was answered where the client is connected.
func ownField(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Host", "Content-Length", "Expect", "Http2-Settings", "X-Forwarded-For":
		return true
	}
	return false
}

// connectionFields are the fields that Connection declares to belong to it.
func connectionFields(h slipway.Header) []string {
	var named []string
	for _, value := range h["Connection"] {
		for token := range strings.SplitSeq(value, ",") {
			if token = strings.TrimSpace(token); token != "" {
				named = append(named, http.CanonicalHeaderKey(token))
			}
		}
	}
	return named
}

// upgrade is the protocol that the client wants to switch to, or "". HTTP/2 is not
// switched to: the answer would be no business of the client's connection.
func upgrade(h slipway.Header) string {
	protocols := h["Upgrade"]
	if len(protocols) == 0 || strings.EqualFold(protocols[0], "h2c") || !slices.Contains(connectionFields(h), "Upgrade") {
		return ""
	}
	return protocols[0]
}

// checkHead refuses what would be more than one head on the wire.
func checkHead(req *slipway.Request) error {
	bad := func(s string) bool { return strings.ContainsAny(s, " \r\n\x00") }
	if req.Method == "" || bad(req.Method) || !strings.HasPrefix(req.Target, "/") && req.Target != "*" || bad(req.Target) || bad(req.Host) {
		return slipway.Errorf(slipway.ErrInvalid, "the request line %q %q for host %q cannot be sent on", req.Method, req.Target, req.Host)
	}
	for name, values := range req.Header {
		if strings.ContainsAny(name, ": \r\n\x00") || slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, "\r\n\x00") }) {
			return slipway.Errorf(slipway.ErrInvalid, "the header field %q cannot be sent on", name)
		}
	}
	return nil
}

// answerHeader is the header of an answer without the fields that belong to the
// connection with the instance. Those of a switch of protocols are the answer.
func answerHeader(resp *http.Response) slipway.Header {
	h := resp.Header
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return h
	}
	for _, name := range connectionFields(h) {
		delete(h, name)
	}
	for _, name := range [...]string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		delete(h, name)
	}
	return h
}
