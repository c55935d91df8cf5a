package sdk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/slipway-run/slipway"
)

// Invocation says how an event is given to a function.
type Invocation struct {
	Qualifier   string // alias or number of a version; "" is live
	ContentType string // of the event; "" is application/json
	DryRun      bool   // only checks that it could be done
	LogTail     bool   // the result has what the function printed for the event, also when it succeeded
}

// Result is the outcome of an invocation: the function's answer, or what it did wrong.
type Result struct {
	Status    int
	Header    http.Header
	Body      io.ReadCloser // the answer as it comes; the caller closes it. nil with an Error
	Error     *slipway.FunctionError
	LogTail   string // with an Error, or when asked for: the last 4 KiB printed for the event
	RequestID string
	Report    Report
}

// Invoke gives event to a function and returns when its answer begins. The error is the
// platform's; what the function did wrong is in the result.
func (c *Client) Invoke(ctx context.Context, function string, event io.Reader, in Invocation) (*Result, error) {
	query, header := url.Values{}, http.Header{"Content-Type": {"application/json"}}
	if in.Qualifier != "" {
		query.Set("qualifier", in.Qualifier)
	}
	if in.ContentType != "" {
		header.Set("Content-Type", in.ContentType)
	}
	if in.DryRun {
		header.Set("X-Slipway-Mode", "dry-run")
	}
	if in.LogTail {
		header.Set("X-Slipway-Log-Type", "Tail")
	}
	resp, err := c.sendEvent(ctx, call{
		method: http.MethodPost, path: path("v1", "functions", function, "invocations"),
		query: query, header: header, body: event,
	})
	if err != nil {
		return nil, err
	}
	result := &Result{Status: resp.StatusCode, Header: resp.Header, Body: resp.Body, RequestID: resp.Header.Get("X-Request-Id"), Report: newReport(resp.Header)}
	tail, _ := base64.StdEncoding.DecodeString(resp.Header.Get("X-Slipway-Log-Tail")) // "" does as well
	result.LogTail = string(tail)
	if handled := resp.Header.Get("X-Slipway-Function-Error"); handled != "" {
		defer resp.Body.Close()
		result.Body = nil
		result.Error, err = functionError(resp, handled == "Handled")
	}
	return result, err
}

// sendEvent is send for a call whose answer is the function's when it ran: its status
// may be an error's, and is the function's own then.
func (c *Client) sendEvent(ctx context.Context, in call) (*http.Response, error) {
	req, err := c.request(ctx, in)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, transportError(ctx, c.url, err)
	}
	if resp.StatusCode >= 400 && resp.Header.Get("X-Slipway-Cold-Start") == "" {
		defer resp.Body.Close()
		return nil, decodeError(resp)
	}
	return resp, nil
}

// maxFunctionError is more than any description of an error needs.
const maxFunctionError = 6 << 20

func functionError(resp *http.Response, handled bool) (*slipway.FunctionError, error) {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxFunctionError))
	if err != nil {
		return nil, fmt.Errorf("read the function's error: %w", err)
	}
	fe := &slipway.FunctionError{Payload: b, Handled: handled}
	var doc struct {
		Type       string          `json:"errorType"`
		Message    string          `json:"errorMessage"`
		StackTrace json.RawMessage `json:"stackTrace"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		fe.Message = firstLine(b) // the function sent something of its own
		return fe, nil
	}
	fe.Type, fe.Message, fe.StackTrace = doc.Type, doc.Message, doc.StackTrace
	return fe, nil
}
