package gateway_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// TestAWSInvoke calls functions as AWS's own clients do.
func TestAWSInvoke(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	i := w.newInvoker("a")
	const path = "/2015-03-31/functions/hello/invocations"
	signed := []string{"Authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/lambda/aws4_request, Signature=00", "X-Amz-Security-Token", w.key}

	t.Run("answer", func(t *testing.T) {
		resp, body := w.call("POST", path, `{"a":1}`, signed...)
		check(t, resp, body, 200, `{"a":1}`)
		h := resp.Header
		if h.Get("X-Amz-Executed-Version") != "1" || h.Get("X-Amzn-Requestid") != h.Get("X-Id") && h.Get("X-Amzn-Requestid") == "" || h.Get("X-Amz-Log-Result") != "" || h.Get("X-Amz-Function-Error") != "" {
			t.Errorf("header %v", h)
		}
	})
	t.Run("names", func(t *testing.T) {
		for _, name := range []string{"hello:live", "hello:1", "hello:$LATEST", "function:hello", "000000000000:function:hello:1", "arn:aws:lambda:us-east-1:000000000000:function:hello", "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Ahello%3Alive"} {
			if resp, body := w.call("POST", "/2015-03-31/functions/"+name+"/invocations", "{}"); resp.StatusCode != 200 {
				t.Errorf("%s: %s %s", name, resp.Status, body)
			}
		}
	})
	t.Run("log and error", func(t *testing.T) {
		i.handle(func(_ context.Context, r *slipway.Request) (*slipway.Response, error) {
			if r.Header["X-Slipway-Log-Type"][0] != "Tail" {
				t.Errorf("the invoker does not know that the log is wanted: %v", r.Header)
			}
			return &slipway.Response{FunctionError: &slipway.FunctionError{Type: "Sandbox.Timedout", Message: "RequestId: x Error: Task timed out"}, LogTail: "last words",
				ColdStart: true, Phases: slipway.Phases{Run: 1500 * time.Microsecond, Start: 2 * time.Millisecond}, Used: slipway.Used{MemoryPeak: 3 << 20}}, nil
		})
		resp, body := w.call("POST", path, "{}", "X-Amz-Log-Type", "Tail")
		check(t, resp, body, 200, `"errorType":"Sandbox.Timedout"`)
		log, err := base64.StdEncoding.DecodeString(resp.Header.Get("X-Amz-Log-Result"))
		must(t, err)
		id := resp.Header.Get("X-Request-Id")
		want := "START RequestId: " + id + " Version: 1\nlast words\nRequestId: x Error: Task timed out\nEND RequestId: " + id +
			"\nREPORT RequestId: " + id + "\tDuration: 1.50 ms\tBilled Duration: 2 ms\tMemory Size: 256 MB\tMax Memory Used: 3 MB\tInit Duration: 2.00 ms\t\n"
		if string(log) != want || resp.Header.Get("X-Amz-Function-Error") != "Unhandled" {
			t.Errorf("log %q, want %q; header %v", log, want, resp.Header)
		}
	})
	t.Run("a status of the function's own", func(t *testing.T) {
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) { return answer(404, "nothing"), nil })
		resp, body := w.call("POST", path, "{}")
		check(t, resp, body, 200, "nothing")
	})
	t.Run("dry run", func(t *testing.T) {
		resp, body := w.call("POST", path, "", "X-Amz-Invocation-Type", "DryRun")
		check(t, resp, body, 204, "")
	})
	t.Run("refusals", func(t *testing.T) {
		for _, tt := range []struct {
			path, body, kind string
			header           []string
			status           int
		}{
			{strings.Replace(path, "hello", "nobody", 1), "", "ResourceNotFoundException", nil, 404},
			{path + "?Qualifier=9", "", "ResourceNotFoundException", nil, 404},
			{path, "", "InvalidParameterValueException", []string{"X-Amz-Invocation-Type", "Later"}, 400},
			{path, strings.Repeat("x", 6<<20+1), "RequestTooLargeException", nil, 413},
			{path, "", "UnrecognizedClientException", []string{"Authorization", "AWS4-HMAC-SHA256 Credential=any", "X-Amz-Security-Token", "wrong"}, 403},
			{path, "", "UnrecognizedClientException", []string{"Authorization", "AWS4-HMAC-SHA256 Credential=any"}, 403},
		} {
			resp, body := w.call("POST", tt.path, tt.body, tt.header...)
			if resp.StatusCode != tt.status || resp.Header.Get("X-Amzn-Errortype") != tt.kind || !strings.Contains(body, `"Message":`) {
				t.Errorf("%s %v: %s %v %s", tt.path, tt.header, resp.Status, resp.Header, body)
			}
		}
	})
}
