package invoker

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/runtimeapi"
)

const jsonType = "application/json"

// httpAnswer is what a handler answers to an HTTP event, format 2.0.
type httpAnswer struct {
	StatusCode      *int                       `json:"statusCode"`
	Headers         map[string]json.RawMessage `json:"headers"`
	Cookies         []string                   `json:"cookies"`
	Body            json.RawMessage            `json:"body"`
	IsBase64Encoded bool                       `json:"isBase64Encoded"`
}

// decodeHTTPAnswer reads a handler's result. One without a statusCode is itself the
// body: any JSON, with status 200.
func decodeHTTPAnswer(payload []byte) (*slipway.Response, error) {
	var a httpAnswer
	trimmed := bytes.TrimSpace(payload)
	if len(trimmed) == 0 || trimmed[0] != '{' || json.Unmarshal(payload, &a) != nil || a.StatusCode == nil {
		return whole(http.StatusOK, slipway.Header{"Content-Type": {jsonType}}, payload), nil
	}
	body, err := a.body()
	if err != nil {
		return nil, err
	}
	header, err := a.header()
	if err != nil {
		return nil, err
	}
	if len(header["Content-Type"]) == 0 && len(body) > 0 {
		header["Content-Type"] = []string{jsonType}
	}
	return whole(*a.StatusCode, header, body), nil
}

func whole(status int, header slipway.Header, body []byte) *slipway.Response {
	return &slipway.Response{Status: status, Header: header, Length: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body))}
}

// body is text, or bytes in base64; another JSON value stands for itself.
func (a *httpAnswer) body() ([]byte, error) {
	if len(a.Body) == 0 || string(a.Body) == "null" {
		return nil, nil
	}
	var text string
	if json.Unmarshal(a.Body, &text) != nil {
		return a.Body, nil
	}
	if !a.IsBase64Encoded {
		return []byte(text), nil
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("the body says isBase64Encoded and is not: %w", err)
	}
	return decoded, nil
}

// header refuses what no HTTP answer can have.
func (a *httpAnswer) header() (slipway.Header, error) {
	if *a.StatusCode < 200 || *a.StatusCode > 599 {
		return nil, fmt.Errorf("statusCode %d is no status of an HTTP answer; it must be between 200 and 599", *a.StatusCode)
	}
	h := make(slipway.Header, len(a.Headers)+1)
	for name, value := range a.Headers {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value) // a number or a truth value
		}
		key := http.CanonicalHeaderKey(name)
		if !sendable(name, text) {
			return nil, fmt.Errorf("the header field %q cannot be sent", name)
		}
		if !ownField(key) {
			h[key] = []string{text}
		}
	}
	for _, c := range a.Cookies {
		if !sendable("Set-Cookie", c) {
			return nil, fmt.Errorf("the cookie %q cannot be sent", c)
		}
		h["Set-Cookie"] = append(h["Set-Cookie"], c)
	}
	return h, nil
}

func sendable(name, value string) bool {
	return name != "" && !strings.ContainsAny(name, " :\t\r\n\x00") && !strings.ContainsAny(value, "\r\n\x00")
}

// maxPrelude bounds the JSON before a streamed answer's body.
const maxPrelude = 1 << 20

// preludeEnd separates it from the body.
var preludeEnd = make([]byte, 8)

// readPrelude takes status, header and cookies off a stream with the content type of
// HTTP integrations; the rest of it is the body.
func readPrelude(s runtimeapi.Stream) (*slipway.Response, error) {
	r := bufio.NewReader(s)
	var prelude []byte
	for !bytes.HasSuffix(prelude, preludeEnd) {
		b, err := r.ReadByte()
		if err != nil {
			return nil, fmt.Errorf("the streamed answer ended in its prelude: %w", err)
		}
		if prelude = append(prelude, b); len(prelude) > maxPrelude {
			return nil, fmt.Errorf("the prelude of the streamed answer is longer than %d bytes", maxPrelude)
		}
	}
	var a httpAnswer
	if err := json.Unmarshal(prelude[:len(prelude)-len(preludeEnd)], &a); err != nil {
		return nil, fmt.Errorf("the prelude of the streamed answer is no JSON: %w", err)
	}
	if a.StatusCode == nil {
		ok := http.StatusOK
		a.StatusCode = &ok
	}
	header, err := a.header()
	if err != nil {
		return nil, err
	}
	return &slipway.Response{Status: *a.StatusCode, Header: header, Length: -1, Body: readCloser{r, s}}, nil
}

// readCloser reads from one and closes the other.
type readCloser struct {
	io.Reader
	io.Closer
}
