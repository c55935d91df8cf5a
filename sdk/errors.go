package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// errorDocument is how the gateway writes an error.
type errorDocument struct {
	Error struct {
		Code      string `json:"code"`
		Message   string `json:"message"`
		RequestID string `json:"request_id"`
	} `json:"error"`
}

// asError is the error that the document stands for. What happened inside the platform
// is found in its log by the request's id.
func (d errorDocument) asError() *slipway.Error {
	e := &slipway.Error{Kind: slipway.KindOf(d.Error.Code), Message: d.Error.Message}
	if e.Kind == slipway.ErrInternal && d.Error.RequestID != "" {
		e.Message += " (request " + d.Error.RequestID + ")"
	}
	return e
}

// maxErrorBody is more than any error document has.
const maxErrorBody = 64 << 10

// decodeError reads the error out of an answer. An answer that is not the gateway's,
// but of something in front of it, is told by its status.
func decodeError(resp *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what was read has to do
	var doc errorDocument
	if err := json.Unmarshal(b, &doc); err != nil || doc.Error.Code == "" {
		return slipway.Errorf(kindOfStatus(resp.StatusCode), "%s answered %s: %s", resp.Request.URL.Host, resp.Status, firstLine(b))
	}
	e := doc.asError()
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	return e
}

func kindOfStatus(status int) error {
	switch {
	case status == http.StatusUnauthorized:
		return slipway.ErrUnauthorized
	case status == http.StatusForbidden:
		return slipway.ErrForbidden
	case status == http.StatusNotFound:
		return slipway.ErrNotFound
	case status == http.StatusRequestEntityTooLarge:
		return slipway.ErrTooLarge
	case status == http.StatusTooManyRequests:
		return slipway.ErrLimit
	case status == http.StatusGatewayTimeout:
		return slipway.ErrTimeout
	case status >= 500:
		return slipway.ErrUnavailable
	default:
		return slipway.ErrInvalid
	}
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return fmt.Sprintf("%.200s", line)
}

// transportError says what to do when the gateway cannot be reached.
func transportError(ctx context.Context, url string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return slipway.Errorf(slipway.ErrUnavailable, "the gateway at %s cannot be reached; is 'slipway serve' running, and SLIPWAY_URL right? (%w)", url, err)
}
