package invoker

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/runtimeapi"
)

// maxPayload is the most bytes of an HTTP event as a handler gets it, and of its result.
const maxPayload = runtimeapi.MaxPayload

// maxEvent is the most bytes of the body of an event. An invoke may be asynchronous; the
// gateway holds synchronous ones to less.
func maxEvent(req *slipway.Request) int64 {
	if req.Mode == slipway.ModeInvoke {
		return slipway.MaxAsyncPayload
	}
	return maxPayload
}

// readEvent reads the body of an event whole.
func readEvent(req *slipway.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	most := maxEvent(req)
	if req.Length > most {
		return nil, eventTooLarge(most)
	}
	var b bytes.Buffer
	if req.Length > 0 {
		b.Grow(int(req.Length) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(io.LimitReader(req.Body, most+1)); err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "read the event: %w", err)
	}
	if int64(b.Len()) > most {
		return nil, eventTooLarge(most)
	}
	return b.Bytes(), nil
}

func eventTooLarge(most int64) error {
	return slipway.Errorf(slipway.ErrTooLarge, "the event is larger than %d bytes, the most that a handler can be given; a function that listens on $PORT takes bodies of any size", most)
}

// httpEvent is an HTTP request as a handler gets it: the payload of a function URL,
// format 2.0. https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
type httpEvent struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext  requestContext    `json:"requestContext"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         contextHTTP `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"`
}

type contextHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// encodeHTTPEvent writes req as format 2.0.
func encodeHTTPEvent(req *slipway.Request, body []byte) ([]byte, error) {
	path, query, _ := strings.Cut(req.Target, "?")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	client, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		client = req.RemoteAddr
	}
	at := req.Received
	if at.IsZero() {
		at = time.Now()
	}
	domain, _, err := net.SplitHostPort(req.Host)
	if err != nil {
		domain = req.Host
	}
	prefix, _, _ := strings.Cut(domain, ".")
	e := httpEvent{
		Version: "2.0", RouteKey: "$default", RawPath: path, RawQueryString: query,
		Cookies: cookies(req.Header), Headers: eventHeaders(req), Query: queryParameters(query),
		RequestContext: requestContext{
			AccountID: "anonymous", APIID: req.Version.Function, DomainName: domain, DomainPrefix: prefix,
			HTTP:      contextHTTP{req.Method, path, req.Proto, client, first(req.Header, "User-Agent")},
			RequestID: req.ID, RouteKey: "$default", Stage: "$default",
			Time: at.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: at.UnixMilli(),
		},
	}
	if e.Body = string(body); !isText(req.Header, body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, slipway.Errorf(slipway.ErrInternal, "write the event: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func first(h slipway.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func cookies(h slipway.Header) []string {
	var all []string
	for _, line := range h["Cookie"] {
		for c := range strings.SplitSeq(line, ";") {
			if c = strings.TrimSpace(c); c != "" {
				all = append(all, c)
			}
		}
	}
	return all
}

// eventHeaders are the fields in lower case, several values joined by commas.
func eventHeaders(req *slipway.Request) map[string]string {
	headers := make(map[string]string, len(req.Header)+4)
	for name, values := range req.Header {
		if name != "Cookie" && !ownField(name) {
			headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	eachForwarded(req, func(name, value string) { headers[strings.ToLower(name)] = value })
	headers["host"] = req.Host
	return headers
}

func queryParameters(query string) map[string]string {
	values, _ := url.ParseQuery(query) // what cannot be parsed is in rawQueryString
	if len(values) == 0 {
		return nil
	}
	parameters := make(map[string]string, len(values))
	for name, all := range values {
		parameters[name] = strings.Join(all, ",")
	}
	return parameters
}

// isText says whether a body can be given to a handler as it is.
func isText(h slipway.Header, body []byte) bool {
	if len(h["Content-Encoding"]) > 0 || !utf8.Valid(body) {
		return len(body) == 0
	}
	kind, _, err := mime.ParseMediaType(first(h, "Content-Type"))
	if err != nil || kind == "" {
		return true
	}
	major, minor, _ := strings.Cut(kind, "/")
	if major == "text" || strings.HasSuffix(minor, "+json") || strings.HasSuffix(minor, "+xml") {
		return true
	}
	switch kind {
	case "application/json", "application/xml", "application/javascript", "application/yaml",
		"application/x-www-form-urlencoded", "application/x-ndjson", "application/graphql":
		return true
	}
	return false
}
