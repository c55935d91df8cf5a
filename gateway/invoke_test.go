package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/sdk"
)

const specSubject = bus.SpecSubject

func TestInvoke(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config) { c.MaxEventBytes = 1 << 20 })
	w.publish("hello", nil)
	w.publish("hello", nil)
	i := w.newInvoker("a")
	ctx := t.Context()

	t.Run("sync", func(t *testing.T) {
		resp, body := w.call("POST", "/v1/functions/hello/invocations", `{"a":1}`)
		check(t, resp, body, 200, `{"a":1}`)
		if resp.Header.Get("X-Mode") != "invoke" || resp.Header.Get("X-Target") != "/" || resp.Header.Get("Got-Authorization") != "" {
			t.Errorf("header %v", resp.Header)
		}
		if resp.Header.Get("X-Id") != resp.Header.Get("X-Request-Id") {
			t.Errorf("the invocation is %s, the request %s", resp.Header.Get("X-Id"), resp.Header.Get("X-Request-Id"))
		}
	})
	t.Run("qualified", func(t *testing.T) {
		for qualifier, want := range map[string]string{"": "default/hello:2", "live": "default/hello:2", "1": "default/hello:1"} {
			r, err := w.api.Invoke(ctx, "hello", strings.NewReader("x"), sdk.Invocation{Qualifier: qualifier})
			must(t, err)
			r.Body.Close()
			if got := r.Header.Get("X-Version"); got != want {
				t.Errorf("%q went to %s", qualifier, got)
			}
		}
		for _, qualifier := range []string{"9", "nope"} {
			if _, err := w.api.Invoke(ctx, "hello", nil, sdk.Invocation{Qualifier: qualifier}); !errors.Is(err, slipway.ErrNotFound) {
				t.Errorf("%q: %v", qualifier, err)
			}
		}
	})
	t.Run("modes", func(t *testing.T) {
		before := i.seen()
		resp, body := w.call("POST", "/v1/functions/hello/invocations", "", "X-Slipway-Mode", "dry-run")
		check(t, resp, body, 204, "")
		resp, body = w.call("POST", "/v1/functions/hello/invocations", "", "X-Slipway-Mode", "async")
		check(t, resp, body, 400, "no asynchronous events")
		resp, body = w.call("POST", "/v1/functions/hello/invocations", "", "X-Slipway-Mode", "later")
		check(t, resp, body, 400, "later")
		if i.seen() != before {
			t.Error("an event was sent")
		}
	})
	t.Run("not deployed", func(t *testing.T) {
		_, err := w.api.PutFunction(ctx, "empty", nil)
		must(t, err)
		if _, err := w.api.Invoke(ctx, "empty", nil, sdk.Invocation{}); !errors.Is(err, slipway.ErrConflict) {
			t.Errorf("%v", err)
		}
	})
	t.Run("too large", func(t *testing.T) {
		large := strings.Repeat("x", 1<<20+1)
		resp, body := w.call("POST", "/v1/functions/hello/invocations", large)
		check(t, resp, body, 413, "1 MiB")
		i.handle(func(_ context.Context, r *slipway.Request) (*slipway.Response, error) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return nil, slipway.Errorf(slipway.ErrInvalid, "the body broke off")
			}
			return answer(200, ""), nil
		})
		_, err := w.api.Invoke(ctx, "hello", struct{ io.Reader }{strings.NewReader(large)}, sdk.Invocation{})
		if !errors.Is(err, slipway.ErrTooLarge) {
			t.Errorf("with a length that is not known: %v", err)
		}
	})
	t.Run("the function's own status is no error of the platform", func(t *testing.T) {
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
			resp := answer(418, "teapot")
			resp.Phases = slipway.Phases{Queue: time.Millisecond, Run: 2 * time.Millisecond}
			resp.LogTail = "two\nlines"
			resp.ColdStart, resp.Used = true, slipway.Used{CPU: 1500 * time.Microsecond, MemoryPeak: 5<<20 + 1}
			return resp, nil
		})
		r, err := w.api.Invoke(ctx, "hello", nil, sdk.Invocation{})
		must(t, err)
		defer r.Body.Close()
		if report := r.Report; !report.ColdStart || report.QueueMS != 1 || report.RunMS != 2 || report.CPUMS != 1.5 || report.MemoryPeakMB != 6 {
			t.Errorf("%+v", report)
		}
		if r.LogTail != "two\nlines" {
			t.Errorf("log tail %q", r.LogTail)
		}
		if b, _ := io.ReadAll(r.Body); r.Status != 418 || string(b) != "teapot" {
			t.Errorf("%d %s", r.Status, b)
		}
	})
}

func TestInvokeThatFails(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	i := w.newInvoker("a")
	fails := func(fe *slipway.FunctionError) {
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
			return &slipway.Response{FunctionError: fe, LogTail: "last words"}, nil
		})
	}
	fails(&slipway.FunctionError{Type: "ValueError", Message: "no such thing", StackTrace: []byte(`["line 1"]`), Handled: true})
	resp, body := w.call("POST", "/v1/functions/hello/invocations", "{}")
	check(t, resp, body, 200, `{"errorType":"ValueError","errorMessage":"no such thing","stackTrace":["line 1"]}`)
	if got := resp.Header.Get("X-Slipway-Function-Error"); got != "Handled" {
		t.Errorf("X-Slipway-Function-Error: %q", got)
	}

	fails(&slipway.FunctionError{Type: "E", Message: "m", Payload: []byte(`{"errorType":"E","errorMessage":"m","more":1}`)})
	r, err := w.api.Invoke(t.Context(), "hello", nil, sdk.Invocation{})
	must(t, err)
	if r.Error == nil || r.Error.Type != "E" || r.Error.Handled || string(r.Error.Payload) != `{"errorType":"E","errorMessage":"m","more":1}` || r.LogTail != "last words" {
		t.Errorf("%+v", r)
	}
}

func TestLogs(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	logs := w.bus.LogWriter(t.Context())
	say := func(text string) {
		logs.Write(slipway.LogLine{At: time.Now(), Tenant: "default", Function: "hello", Version: 1, Instance: "i", Stream: "stdout", Text: text})
	}
	say("first")
	say("second")
	read := func(q sdk.LogQuery) (texts []string, err error) {
		err = w.api.Logs(t.Context(), "hello", q, func(l slipway.LogLine) error {
			texts = append(texts, l.Text)
			return nil
		})
		return texts, err
	}
	testenv.Eventually(t, patience, func() error {
		texts, err := read(sdk.LogQuery{})
		if err == nil && strings.Join(texts, ",") != "first,second" {
			err = slipway.Errorf(slipway.ErrNotFound, "%q", texts)
		}
		return err
	})
	if texts, err := read(sdk.LogQuery{Since: time.Now().Add(time.Hour)}); err != nil || len(texts) != 0 {
		t.Errorf("since tomorrow: %q, %v", texts, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	enough := errors.New("enough")
	err := w.api.Logs(ctx, "hello", sdk.LogQuery{Follow: true}, func(l slipway.LogLine) error {
		switch l.Text {
		case "second":
			say("third")
		case "third":
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("following: %v", err)
	}
	if err := w.api.Logs(ctx, "nobody", sdk.LogQuery{}, nil); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("of an unknown function: %v", err)
	}
}

// TestStopEndsFollowers: a client that follows a log does not hold the gateway up.
func TestStopEndsFollowers(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	resp, err := http.DefaultTransport.RoundTrip(w.request("GET", "/v1/functions/hello/logs?follow=true"))
	must(t, err) // the head is there: the stream has begun
	defer resp.Body.Close()
	w.stop()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
}
