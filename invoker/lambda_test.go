package invoker_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestLambdaHTTPEvents(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolLambda)

	t.Run("format 2.0", func(t *testing.T) {
		r := request(ref, "POST", "/a%20b?x=1&x=2&y=z", "\xff\x00")
		r.Header = slipway.Header{"Cookie": {"a=1; b=2"}, "X-Two": {"1", "2"}, "User-Agent": {"test"}}
		var e struct {
			Version, RawPath, RawQueryString, Body string
			Cookies                                []string
			Headers, QueryStringParameters         map[string]string
			IsBase64Encoded                        bool
			RequestContext                         struct {
				RequestID, DomainName string
				HTTP                  struct{ Method, Path, Protocol, SourceIP, UserAgent string }
			}
		}
		resp := m.send(r) // the function answers with its event
		if err := json.Unmarshal([]byte(read(t, resp)), &e); err != nil {
			t.Fatal(err)
		}
		if resp.Status != 200 || resp.Header["Content-Type"][0] != "application/json" || !resp.ColdStart {
			t.Errorf("answer %+v", resp)
		}
		h := e.RequestContext.HTTP
		if e.Version != "2.0" || e.RawPath != "/a b" || e.RawQueryString != "x=1&x=2&y=z" || e.QueryStringParameters["x"] != "1,2" ||
			strings.Join(e.Cookies, ";") != "a=1;b=2" || e.Headers["x-two"] != "1,2" || e.Headers["host"] != "fn.localhost" || e.Headers["cookie"] != "" ||
			e.Headers["x-forwarded-for"] != "192.0.2.1" || e.Body != base64.StdEncoding.EncodeToString([]byte("\xff\x00")) || !e.IsBase64Encoded ||
			h.Method != "POST" || h.Path != "/a b" || h.Protocol != "HTTP/1.1" || h.SourceIP != "192.0.2.1" || h.UserAgent != "test" || e.RequestContext.RequestID != r.ID {
			t.Errorf("event %+v", e)
		}
	})
	t.Run("answer", func(t *testing.T) {
		resp, body := m.get(ref, "/answer")
		if resp.Status != 201 || body != "hello" || resp.Header["X-Fn"][0] != "yes" || resp.Header["X-Number"][0] != "5" || len(resp.Header["Set-Cookie"]) != 2 || resp.ColdStart {
			t.Errorf("%d %v %q", resp.Status, resp.Header, body)
		}
	})
	t.Run("streamed answer", func(t *testing.T) {
		resp, body := m.get(ref, "/stream")
		if resp.Status != 202 || body != "one two" || resp.Header["Content-Type"][0] != "text/event-stream" || resp.Header["Set-Cookie"][0] != "a=1" {
			t.Errorf("%d %v %q", resp.Status, resp.Header, body)
		}
	})
	t.Run("an answer that is none", func(t *testing.T) {
		wantFailure(t, m.send(request(ref, "GET", "/bad", "")), slipway.ErrorTypeBadResponse, "99")
	})
	t.Run("the function's own error", func(t *testing.T) {
		wantFailure(t, m.send(request(ref, "GET", "/fail", "")), "ValueError", "told to")
	})
	if n := len(m.pool.Instances(nil)); n != 1 {
		t.Errorf("%d instances, want one for all of it", n)
	}
}

func TestLambdaInvocations(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolLambda, func(c *slipway.Config) { c.MemoryMB = 64 })

	t.Run("result", func(t *testing.T) {
		if got := read(t, m.send(invocation(ref, `{"a":[1]}`))); got != `{"a":[1]}` {
			t.Errorf("%q", got)
		}
		if got := read(t, m.send(invocation(ref, ""))); got != `{}` {
			t.Errorf("no event arrived as %q, want an empty object", got)
		}
		r := invocation(ref, `{"do":"context"}`)
		r.Header["X-Amz-Client-Context"] = []string{base64.StdEncoding.EncodeToString([]byte(`{"custom":1}`))}
		if got := read(t, m.send(r)); got != `{"custom":1}` {
			t.Errorf("client context %q", got)
		}
	})
	t.Run("refused", func(t *testing.T) {
		_, err := m.Invoke(t.Context(), invocation(ref, "no json"))
		wantKind(t, err, slipway.ErrInvalid, "JSON")
		_, err = m.Invoke(t.Context(), invocation(ref, strings.Repeat(" ", slipway.MaxAsyncPayload+1)))
		wantKind(t, err, slipway.ErrTooLarge, fmt.Sprint(slipway.MaxAsyncPayload))
		large := request(ref, "POST", "/", strings.Repeat(" ", 6291557))
		_, err = m.Invoke(t.Context(), large)
		wantKind(t, err, slipway.ErrTooLarge, "6291556")
	})
	t.Run("error", func(t *testing.T) {
		resp := m.send(invocation(ref, `{"do":"fail"}`))
		wantFailure(t, resp, "ValueError", "told to")
		if fe := resp.FunctionError; !fe.Handled || !strings.Contains(string(fe.Payload), `"stackTrace":["here"]`) {
			t.Errorf("%+v", fe)
		}
	})
	t.Run("too large a result", func(t *testing.T) {
		wantFailure(t, m.send(invocation(ref, `{"do":"large"}`)), slipway.ErrorTypeTooLarge, "(6291556 bytes)")
	})
	t.Run("crash", func(t *testing.T) {
		r := invocation(ref, `{"do":"crash"}`)
		resp := m.send(r)
		wantFailure(t, resp, slipway.ErrorTypeExit, "RequestId: "+r.ID+" Error: Runtime exited with error: exit status 5")
		if !strings.Contains(resp.LogTail, "about to fall") {
			t.Errorf("log tail %q", resp.LogTail)
		}
	})
	t.Run("the end", func(t *testing.T) {
		r := invocation(ref, `{"do":"done"}`)
		wantFailure(t, m.send(r), slipway.ErrorTypeExit, "RequestId: "+r.ID+" Error: Runtime exited without providing a reason")
	})
	t.Run("timeout", func(t *testing.T) {
		ref := m.deploy("slow", slipway.ProtocolLambda, func(c *slipway.Config) { c.Timeout = slipway.Duration(2 * time.Second) })
		r := invocation(ref, `{"do":"sleep"}`)
		resp := m.send(r)
		wantFailure(t, resp, slipway.ErrorTypeTimeout, "RequestId: "+r.ID+" Error: Task timed out after 2.00 seconds")
		if next := m.send(invocation(ref, "1")); next.Instance == resp.Instance {
			t.Error("the instance was not replaced")
		}
	})
	t.Run("too much memory", func(t *testing.T) {
		wantFailure(t, m.send(invocation(ref, `{"do":"hog"}`)), slipway.ErrorTypeOutOfMemory, "memory")
	})
}

// TestLambdaCallerGoesAway: the instance works on, and is given to nobody meanwhile.
func TestLambdaCallerGoesAway(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolLambda, func(c *slipway.Config) { c.Scaling.Max = 1 })
	first := m.send(invocation(ref, "1"))
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := m.Invoke(ctx, invocation(ref, `{"do":"nap"}`))
		gone <- err
	}()
	until(t, "the instance is busy", func() bool { return m.pool.Instances(nil)[0].InFlight == 1 })
	cancel()
	wantKind(t, <-gone, context.Canceled)
	if next := m.send(invocation(ref, "2")); next.Instance != first.Instance || next.ColdStart {
		t.Errorf("%+v", next)
	}
}
