package runtimeapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/runtimeapi"
)

// api is a server and its address.
type api struct {
	*runtimeapi.Server
	t    *testing.T
	addr string
}

func serve(t *testing.T, concurrency int) *api {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := runtimeapi.New(runtimeapi.Config{Concurrency: concurrency, Function: "f", Version: "3", Handler: "index.handler", AccountID: "000000000000"}, slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return &api{s, t, l.Addr().String()}
}

func (a *api) url(path string) string { return "http://" + a.addr + "/2018-06-01" + path }

// call sends a request as a runtime would, and gives status and body.
func (a *api) call(method, path, body string, header ...string) (*http.Response, string) {
	a.t.Helper()
	req, err := http.NewRequest(method, a.url(path), strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return res, string(text)
}

type answer struct {
	*runtimeapi.Result
	err error
}

// invoke begins an invocation.
func (a *api) invoke(ctx context.Context, id, payload string) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		r, err := a.Invoke(ctx, runtimeapi.Event{ID: id, Deadline: time.UnixMilli(1234567), Payload: []byte(payload),
			FunctionARN: "arn:aws:lambda:us-east-1:000000000000:function:f", TraceID: "Root=1-0-0;Sampled=0", Attempt: 2})
		done <- answer{r, err}
	}()
	return done
}

// post answers the event id and wants a status.
func (a *api) post(path, body string, status int, header ...string) string {
	a.t.Helper()
	res, text := a.call("POST", path, body, header...)
	if res.StatusCode != status {
		a.t.Errorf("POST %s: %s %s, want %d", path, res.Status, text, status)
	}
	return text
}

func wantErrorType(t *testing.T, body, errorType string) {
	t.Helper()
	var doc struct{ ErrorMessage, ErrorType string }
	if err := json.Unmarshal([]byte(body), &doc); err != nil || doc.ErrorType != errorType || doc.ErrorMessage == "" {
		t.Errorf("body %q (%v), want an error of type %s", body, err, errorType)
	}
}

func TestEvent(t *testing.T) {
	a := serve(t, 1)
	done := a.invoke(t.Context(), "id-1", `{"a":1}`)
	res, body := a.call("GET", "/runtime/invocation/next", "")
	<-a.Ready()
	want := map[string]string{
		"Lambda-Runtime-Aws-Request-Id":       "id-1",
		"Lambda-Runtime-Deadline-Ms":          "1234567",
		"Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
		"Lambda-Runtime-Trace-Id":             "Root=1-0-0;Sampled=0",
		"Slipway-Attempt":                     "2",
		"Content-Type":                        "application/json",
	}
	for name, value := range want {
		if got := res.Header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if _, ok := res.Header["Lambda-Runtime-Client-Context"]; ok || res.StatusCode != 200 || body != `{"a":1}` {
		t.Errorf("next: %s %v %q", res.Status, res.Header, body)
	}
	if text := a.post("/runtime/invocation/id-1/response", `"yes"`, 202); text != "{\"status\":\"OK\"}\n" {
		t.Errorf("response: %q", text)
	}
	if r := <-done; r.err != nil || string(r.Payload) != `"yes"` || r.Error != nil {
		t.Errorf("Invoke: %+v, %v", r.Result, r.err)
	}
}

func TestRefusals(t *testing.T) {
	a := serve(t, 1)
	wantErrorType(t, a.post("/runtime/invocation/nobody/response", "{}", 400), "InvalidRequestID")
	wantErrorType(t, a.post("/runtime/invocation/nobody/error", "{}", 400), "InvalidRequestID")

	done := a.invoke(t.Context(), "id-1", "{}")
	a.call("GET", "/runtime/invocation/next", "")
	res, body := a.call("GET", "/runtime/invocation/next", "")
	if res.StatusCode != 403 {
		t.Errorf("a poll with an event unanswered: %s", res.Status)
	}
	wantErrorType(t, body, "InvalidStateTransition")
	wantErrorType(t, a.post("/runtime/init/error", "{}", 403), "InvalidStateTransition")
	a.post("/runtime/invocation/id-1/response", "1", 202)
	wantErrorType(t, a.post("/runtime/invocation/id-1/response", "2", 403), "InvalidStateTransition")
	if r := <-done; string(r.Payload) != "1" {
		t.Errorf("the first answer counts, got %+v", r.Result)
	}
	done = a.invoke(t.Context(), "id-2", "{}")
	a.call("GET", "/runtime/invocation/next", "")
	wantErrorType(t, a.post("/runtime/invocation/id-2/response", "{}", 400, "Lambda-Runtime-Function-Response-Mode", "Streaming"), "InvalidFunctionResponseMode")
	if r := <-done; r.Error == nil || r.Error.Type != "Runtime.InvalidResponseModeHeader" {
		t.Errorf("an unknown mode: %+v", r.Result)
	}
	for _, path := range []string{"/runtime/restore/next", "/nothing"} {
		if res, body := a.call("GET", path, ""); res.StatusCode != 404 {
			t.Errorf("GET %s: %s %s", path, res.Status, body)
		}
	}
	if res, body := a.call("GET", "/ping", ""); res.StatusCode != 200 || body != "pong" {
		t.Errorf("ping: %s %q", res.Status, body)
	}
}

func TestTooLarge(t *testing.T) {
	a := serve(t, 1)
	done := a.invoke(t.Context(), "id-1", "{}")
	a.call("GET", "/runtime/invocation/next", "")
	text := a.post("/runtime/invocation/id-1/response", strings.Repeat("x", runtimeapi.MaxPayload+1), 413)
	wantErrorType(t, text, "RequestEntityTooLarge")
	if !strings.Contains(text, "Exceeded maximum allowed payload size (6291556 bytes).") {
		t.Errorf("message: %s", text)
	}
	r := <-done
	if r.Error == nil || r.Error.Type != slipway.ErrorTypeTooLarge || r.Error.Handled ||
		r.Error.Message != "Response payload size exceeded maximum allowed payload size (6291556 bytes)." {
		t.Errorf("Invoke: %+v", r.Error)
	}
	done = a.invoke(t.Context(), "id-2", "{}")
	a.call("GET", "/runtime/invocation/next", "") // the program goes on
	a.post("/runtime/invocation/id-2/response", strings.Repeat("x", runtimeapi.MaxPayload), 202)
	if r := <-done; len(r.Payload) != runtimeapi.MaxPayload {
		t.Errorf("%d bytes, want %d", len(r.Payload), runtimeapi.MaxPayload)
	}
}

func TestTruncated(t *testing.T) {
	a := serve(t, 1)
	done := a.invoke(t.Context(), "id-1", "{}")
	a.call("GET", "/runtime/invocation/next", "")
	c, err := net.Dial("tcp", a.addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
	c.(*net.TCPConn).CloseWrite()
	text, _ := io.ReadAll(c)
	c.Close()
	if !bytes.Contains(text, []byte("400 Bad Request")) || !bytes.Contains(text, []byte("TruncatedHTTPRequest")) {
		t.Errorf("answer: %s", text)
	}
	if r := <-done; r.Error == nil || r.Error.Type != "Runtime.TruncatedResponse" {
		t.Errorf("Invoke: %+v", r.Result)
	}
}

func TestFunctionError(t *testing.T) {
	const document = `{"errorMessage":"no","errorType":"ValueError","stackTrace":["a","b"]}`
	tests := []struct {
		name, body, header string
		want               slipway.FunctionError
	}{
		{"document", document, "Function.Handler", slipway.FunctionError{Type: "ValueError", Message: "no", StackTrace: []byte(`["a","b"]`)}},
		{"type in the header only", `{"errorMessage":"no"}`, "Runtime.NoSuchHandler", slipway.FunctionError{Type: "Runtime.NoSuchHandler", Message: "no"}},
		{"type of no prefix in the document", `{"errorMessage":"no","errorType":"E","trace":["x"]}`, "", slipway.FunctionError{Type: "E", Message: "no", StackTrace: []byte(`["x"]`)}},
		{"a type that is none", `broken`, "<script>", slipway.FunctionError{Type: "Function.Unknown"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := serve(t, 1)
			done := a.invoke(t.Context(), "id-1", "{}")
			a.call("GET", "/runtime/invocation/next", "")
			a.post("/runtime/invocation/id-1/error", tt.body, 202, "Lambda-Runtime-Function-Error-Type", tt.header)
			got := (<-done).Error
			if got == nil || got.Type != tt.want.Type || got.Message != tt.want.Message ||
				string(got.StackTrace) != string(tt.want.StackTrace) || string(got.Payload) != tt.body || !got.Handled {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestErrorWithCause: what is for X-Ray is not for the caller.
func TestErrorWithCause(t *testing.T) {
	a := serve(t, 1)
	for sent, want := range map[string]string{
		`{"errorMessage":"no","errorType":"E","stackTrace":["a"],"cause":{"working_directory":"/"}}`: `{"errorMessage":"no","errorType":"E","stackTrace":["a"]}`,
		`broken`: `"Invalid error body"`,
	} {
		done := a.invoke(t.Context(), "id-1", "{}")
		a.call("GET", "/runtime/invocation/next", "")
		a.post("/runtime/invocation/id-1/error", sent, 202, "Content-Type", "application/vnd.aws.lambda.error.cause+json",
			"Lambda-Runtime-Function-Xray-Error-Cause", `{"message":"`+strings.Repeat("x", 100<<10)+`"}`)
		if r := <-done; r.Error == nil || string(r.Error.Payload) != want {
			t.Errorf("got %+v, want %s", r.Error, want)
		}
	}
}

func TestInitError(t *testing.T) {
	a := serve(t, 1)
	a.post("/runtime/init/error", `{"errorMessage":"No module named x","errorType":"Runtime.ImportModuleError"}`, 202)
	<-a.InitFailed()
	if e := a.InitError(); e.Type != "Runtime.ImportModuleError" || e.Message != "No module named x" {
		t.Errorf("InitError: %+v", e)
	}
	wantErrorType(t, a.post("/runtime/init/error", "{}", 403), "InvalidStateTransition")
	res, body := a.call("GET", "/runtime/invocation/next", "")
	if res.StatusCode != 403 || !strings.Contains(body, "State transition from InitError to Ready failed for runtime") {
		t.Errorf("a poll after it: %s %s", res.Status, body)
	}
}

func TestStreamedAnswer(t *testing.T) {
	// begin posts a streamed answer whose body and trailers the test writes.
	begin := func(t *testing.T, a *api) (*io.PipeWriter, *http.Request, <-chan error) {
		t.Helper()
		body, in := io.Pipe()
		req, err := http.NewRequest("POST", a.url("/runtime/invocation/id-1/response"), body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
		req.Header.Set("Content-Type", "text/event-stream")
		req.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": nil, "Lambda-Runtime-Function-Error-Body": nil}
		posted := make(chan error, 1)
		go func() {
			res, err := http.DefaultClient.Do(req)
			if err == nil {
				res.Body.Close()
				if res.StatusCode != 202 {
					err = errors.New(res.Status)
				}
			}
			posted <- err
		}()
		return in, req, posted
	}
	setup := func(t *testing.T) (*api, <-chan answer) {
		a := serve(t, 1)
		done := a.invoke(t.Context(), "id-1", "{}")
		a.call("GET", "/runtime/invocation/next", "")
		return a, done
	}

	t.Run("comes as it is sent", func(t *testing.T) {
		a, done := setup(t)
		in, _, posted := begin(t, a)
		go io.WriteString(in, "first")
		r := <-done
		buf := make([]byte, 5)
		if _, err := io.ReadFull(r.Stream, buf); err != nil || string(buf) != "first" || r.ContentType != "text/event-stream" {
			t.Fatalf("%q of %q, %v", buf, r.ContentType, err)
		}
		go func() {
			in.Write(make([]byte, runtimeapi.MaxPayload+1)) // no limit holds for a stream
			in.Close()
		}()
		if n, err := io.Copy(io.Discard, r.Stream); err != nil || n != runtimeapi.MaxPayload+1 {
			t.Errorf("%d bytes, %v", n, err)
		}
		if err := <-posted; err != nil {
			t.Error(err)
		}
	})
	t.Run("fails in the middle", func(t *testing.T) {
		a, done := setup(t)
		in, req, _ := begin(t, a)
		go func() {
			io.WriteString(in, "first")
			req.Trailer.Set("Lambda-Runtime-Function-Error-Type", "Function.Broken")
			req.Trailer.Set("Lambda-Runtime-Function-Error-Body", "eyJlcnJvck1lc3NhZ2UiOiJoYWxmIn0=")
			in.Close()
		}()
		_, err := io.ReadAll((<-done).Stream)
		var failure *slipway.FunctionError
		if !errors.As(err, &failure) || failure.Type != "Function.Broken" || failure.Message != "half" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("is not wanted any more", func(t *testing.T) {
		a, done := setup(t)
		in, _, posted := begin(t, a)
		go io.WriteString(in, "first")
		(<-done).Stream.Close()
		in.Write(make([]byte, 1<<20))
		in.Close()
		if err := <-posted; err != nil { // the program never notices
			t.Error(err)
		}
	})
}

func TestSeveralAtOnce(t *testing.T) {
	a := serve(t, 2)
	first, second := a.invoke(t.Context(), "id-1", "1"), a.invoke(t.Context(), "id-2", "2")
	ids := map[string]bool{}
	for range 2 {
		res, _ := a.call("GET", "/runtime/invocation/next", "")
		ids[res.Header.Get("Lambda-Runtime-Aws-Request-Id")] = true
	}
	if !ids["id-1"] || !ids["id-2"] {
		t.Fatalf("got %v", ids)
	}
	a.post("/runtime/invocation/id-2/response", "two", 202)
	a.post("/runtime/invocation/id-1/response", "one", 202)
	if r := <-first; string(r.Payload) != "one" {
		t.Errorf("first: %q", r.Payload)
	}
	if r := <-second; string(r.Payload) != "two" {
		t.Errorf("second: %q", r.Payload)
	}
}

func TestPollThatBreaksLosesNoEvent(t *testing.T) {
	a := serve(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", a.url("/runtime/invocation/next"), nil)
	if err != nil {
		t.Fatal(err)
	}
	broke := make(chan error, 1)
	go func() { _, err := http.DefaultClient.Do(req); broke <- err }()
	<-a.Ready()
	cancel()
	<-broke
	done := a.invoke(t.Context(), "id-1", "{}")
	a.call("GET", "/runtime/invocation/next", "")
	a.post("/runtime/invocation/id-1/response", "ok", 202)
	if r := <-done; string(r.Payload) != "ok" {
		t.Errorf("got %+v, %v", r.Result, r.err)
	}
}

func TestInvokeEnds(t *testing.T) {
	a := serve(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := a.invoke(ctx, "id-1", "{}")
	a.call("GET", "/runtime/invocation/next", "")
	cancel()
	if r := <-done; !errors.Is(r.err, context.Canceled) {
		t.Errorf("got %v", r.err)
	}
	a.post("/runtime/invocation/id-1/response", "late", 202)
	done = a.invoke(t.Context(), "id-2", "{}")
	a.Close()
	if r := <-done; !errors.Is(r.err, runtimeapi.ErrClosed) {
		t.Errorf("got %v", r.err)
	}
}
