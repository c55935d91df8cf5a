package invoker

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/runtimeapi"
)

const jsonType = "application/json"

// httpAnswer is what a handler answers to an HTTP event, format 2.0. A field with several
// values may be an array, or in the multiValueHeaders of format 1.0.
type httpAnswer struct {
	StatusCode        json.RawMessage            `json:"statusCode"`
	Headers           map[string]json.RawMessage `json:"headers"`
	MultiValueHeaders map[string][]string        `json:"multiValueHeaders"`
	Cookies           []string                   `json:"cookies"`
	Body              json.RawMessage            `json:"body"`
	IsBase64Encoded   bool                       `json:"isBase64Encoded"`
}

// decodeHTTPAnswer reads a handler's result. One without a statusCode is itself the
// body: any JSON, with status 200.
func decodeHTTPAnswer(payload []byte) (*slipway.Response, error) {
	var probe struct {
		StatusCode json.RawMessage `json:"statusCode"`
	}
	trimmed := bytes.TrimSpace(payload)
	if len(trimmed) == 0 || trimmed[0] != '{' || json.Unmarshal(payload, &probe) != nil || isNull(probe.StatusCode) {
		return whole(http.StatusOK, slipway.Header{"Content-Type": {jsonType}}, payload), nil
	}
	var a httpAnswer
	if err := json.Unmarshal(payload, &a); err != nil {
		return nil, fmt.Errorf("the answer has a statusCode, and is no answer to an HTTP event: %w", err)
	}
	status, err := a.status()
	if err != nil {
		return nil, err
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
	return whole(status, header, body), nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// status is a number, or one in a string.
func (a *httpAnswer) status() (int, error) {
	if isNull(a.StatusCode) {
		return http.StatusOK, nil
	}
	text := strings.Trim(string(a.StatusCode), `"`)
	status, err := strconv.Atoi(text)
	if err != nil || status < 200 || status > 599 {
		return 0, fmt.Errorf("statusCode %s is no status of an HTTP answer; it must be between 200 and 599", text)
	}
	return status, nil
}

func whole(status int, header slipway.Header, body []byte) *slipway.Response {
	return &slipway.Response{Status: status, Header: header, Length: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body))}
}

// body is text, or bytes in base64; another JSON value stands for itself.
func (a *httpAnswer) body() ([]byte, error) {
	if isNull(a.Body) {
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
	h := make(slipway.Header, len(a.Headers)+1)
	for name, value := range a.Headers {
		if err := addField(h, name, fieldValues(value)); err != nil {
			return nil, err
		}
	}
	for name, values := range a.MultiValueHeaders {
		delete(h, http.CanonicalHeaderKey(name)) // as in format 1.0, it wins
		if err := addField(h, name, values); err != nil {
			return nil, err
		}
	}
	return h, addField(h, "Set-Cookie", a.Cookies)
}

// fieldValues are the values of a field: text, a number or a truth value, or several.
func fieldValues(raw json.RawMessage) []string {
	var many []json.RawMessage
	if json.Unmarshal(raw, &many) != nil {
		many = []json.RawMessage{raw}
	}
	var values []string
	for _, one := range many {
		var text string
		if json.Unmarshal(one, &text) != nil {
			text = string(one)
		}
		if !isNull(one) {
			values = append(values, text)
		}
	}
	return values
}

func addField(h slipway.Header, name string, values []string) error {
	key := http.CanonicalHeaderKey(name)
	for _, value := range values {
		if !sendable(name, value) {
			return fmt.Errorf("the header field %q cannot be sent", name)
		}
		if !ownField(key) {
			h[key] = append(h[key], value)
		}
	}
	return nil
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
	status, err := a.status()
	if err != nil {
		return nil, err
	}
	header, err := a.header()
	if err != nil {
		return nil, err
	}
	return &slipway.Response{Status: status, Header: header, Length: -1, Body: readCloser{r, s}}, nil
}

// readCloser reads from one and closes the other.
type readCloser struct {
	io.Reader
	io.Closer
}
