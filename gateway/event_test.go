package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/sdk"
)

func TestEvents(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	i := w.newInvoker("a")

	t.Run("by path", func(t *testing.T) {
		resp, body := w.event("PROPFIND", "/fn/hello/a%2Fb?x=1&y", "the body", "X-Mine", "1", "Connection", "X-Hop", "Host", "example.com")
		check(t, resp, body, 200, "the body")
		for name, want := range map[string]string{
			"X-Method": "PROPFIND", "X-Target": "/a%2Fb?x=1&y", "X-Host": "example.com", "X-Version": "default/hello:1",
			"X-Mode": "http", "Got-X-Mine": "1", "X-Slipway-Cold-Start": "true", "Content-Length": "8",
			"X-Id": resp.Header.Get("X-Request-Id"), "Got-X-Request-Id": resp.Header.Get("X-Request-Id"),
		} {
			if got := resp.Header.Get(name); got != want || want == "" {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		timing := resp.Header.Get("Server-Timing")
		for _, want := range []string{"route;dur=", "queue;dur=1", "start;dur=0", "run;dur=2", "cpu;dur=1.5"} {
			if !strings.Contains(timing, want) {
				t.Errorf("Server-Timing %q lacks %s", timing, want)
			}
		}
	})
	t.Run("by host", func(t *testing.T) {
		resp, body := w.event("GET", "/v1/functions", "", "Host", "hello.localhost:99")
		check(t, resp, body, 200, "")
		if resp.Header.Get("X-Target") != "/v1/functions" {
			t.Errorf("the function saw %q", resp.Header.Get("X-Target"))
		}
	})
	t.Run("by alias", func(t *testing.T) {
		_, err := w.api.PutAlias(t.Context(), "hello", "old", sdk.AliasTarget{Version: 1})
		must(t, err)
		w.publish("hello", nil)
		resp, _ := w.event("GET", "/", "", "Host", "old--hello.localhost")
		if resp.Header.Get("X-Version") != "default/hello:1" {
			t.Errorf("the event went to %s", resp.Header.Get("X-Version"))
		}
	})
	t.Run("unknown function", func(t *testing.T) {
		resp, body := w.event("GET", "/fn/nobody", "")
		check(t, resp, body, 404, `function \"nobody\" does not exist`)
	})
	t.Run("head keeps the length", func(t *testing.T) {
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
			return &slipway.Response{Status: 200, Header: slipway.Header{"Content-Length": {"123"}}}, nil
		})
		resp, _ := w.event("HEAD", "/fn/hello", "")
		if resp.ContentLength != 123 {
			t.Errorf("length %d", resp.ContentLength)
		}
	})
	t.Run("no content, no type", func(t *testing.T) {
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) { return answer(200, "<html>"), nil })
		resp, _ := w.event("GET", "/fn/hello", "")
		if got, ok := resp.Header["Content-Type"]; ok {
			t.Errorf("the type was guessed: %q", got)
		}
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
			return &slipway.Response{Status: 204, Header: slipway.Header{}}, nil
		})
		resp, body := w.event("DELETE", "/fn/hello", "")
		check(t, resp, body, 204, "")
	})
}

func TestEventsThatFail(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	i := w.newInvoker("a")
	fails := func(fe *slipway.FunctionError) func(context.Context, *slipway.Request) (*slipway.Response, error) {
		return func(context.Context, *slipway.Request) (*slipway.Response, error) {
			return &slipway.Response{FunctionError: fe, LogTail: "about to fall\n"}, nil
		}
	}
	t.Run("crash", func(t *testing.T) {
		i.handle(fails(&slipway.FunctionError{Type: slipway.ErrorTypeExit, Message: "exit status 3"}))
		resp, body := w.event("GET", "/fn/hello", "")
		check(t, resp, body, 502, `"code":"function_error","message":"exit status 3","type":"Runtime.ExitError","log":"about to fall\n"`)
		if resp.Header.Get("X-Slipway-Cold-Start") != "false" || resp.Header.Get("X-Request-Id") == "" {
			t.Errorf("header %v", resp.Header)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		i.handle(fails(&slipway.FunctionError{Type: slipway.ErrorTypeTimeout, Message: "it took 1s"}))
		resp, body := w.event("GET", "/fn/hello", "")
		check(t, resp, body, 504, "function_error")
	})
	t.Run("no room", func(t *testing.T) {
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
			return nil, &slipway.Error{Kind: slipway.ErrUnavailable, Message: "no room", RetryAfter: 3e9}
		})
		resp, body := w.event("GET", "/fn/hello", "")
		check(t, resp, body, 503, `"code":"unavailable","message":"no room"`)
		if resp.Header.Get("Retry-After") != "3" {
			t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
		}
	})
	t.Run("the body breaks off", func(t *testing.T) {
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
			r, wr := io.Pipe()
			go func() {
				wr.Write([]byte("half"))
				wr.CloseWithError(errors.New("crashed"))
			}()
			return &slipway.Response{Status: 200, Header: slipway.Header{}, Length: -1, Body: r}, nil
		})
		resp, err := http.Get(w.url + "/fn/hello")
		must(t, err)
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("the client read %q as if it were complete", b)
		}
	})
}

// TestOtherInvoker: what one invoker cannot take goes to another, with its body.
func TestOtherInvoker(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	full, free := w.newInvoker("full"), w.newInvoker("free")
	full.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
		return nil, slipway.Errorf(slipway.ErrUnavailable, "draining")
	})
	full.publish(func(s *slipway.InvokerState) { s.FreeMemoryMB = 100_000 })
	testenv.Eventually(t, patience, func() error {
		return full.knownAs(func(s slipway.InvokerState) bool { return s.FreeMemoryMB == 100_000 })
	})
	resp, body := w.event("POST", "/fn/hello", "small enough")
	check(t, resp, body, 200, "small enough")
	if full.seen() != 1 || free.seen() != 1 {
		t.Errorf("full saw %d, free %d", full.seen(), free.seen())
	}
	t.Run("a body that was read is not sent twice", func(t *testing.T) {
		full.handle(func(_ context.Context, r *slipway.Request) (*slipway.Response, error) {
			io.CopyN(io.Discard, r.Body, 1)
			return nil, slipway.Errorf(slipway.ErrUnavailable, "draining")
		})
		resp, body := w.event("POST", "/fn/hello", strings.Repeat("x", 1<<20))
		check(t, resp, body, 503, "draining")
	})
}

func TestNoInvoker(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	resp, body := w.event("GET", "/fn/hello", "")
	check(t, resp, body, 503, "no invoker is running")
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestEventAuth(t *testing.T) {
	w := newWorld(t)
	w.publish("closed", func(c *slipway.Config) { c.Auth = "key" })
	w.newInvoker("a")
	resp, body := w.event("GET", "/fn/closed", "")
	check(t, resp, body, 401, "unauthorized")
	resp, body = w.event("GET", "/fn/closed", "", "Authorization", "Bearer "+w.key)
	check(t, resp, body, 200, "")
	if got := resp.Header.Get("Got-Authorization"); got != "" {
		t.Errorf("the function saw the key: %q", got)
	}
}

// TestStreams: bodies of any size pass in both directions while they are made.
func TestStreams(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	i := w.newInvoker("a")

	t.Run("large both ways", func(t *testing.T) {
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB
		for _, length := range []string{"known", "unknown"} {
			var body io.Reader = bytes.NewReader(sent)
			if length == "unknown" {
				body = struct{ io.Reader }{body}
			}
			resp, err := http.Post(w.url+"/fn/hello", "application/octet-stream", body)
			must(t, err)
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			must(t, err)
			if !bytes.Equal(got, sent) {
				t.Errorf("length %s: %d bytes came back of %d", length, len(got), len(sent))
			}
		}
	})
	for name, client := range map[string]*http.Client{"HTTP/1.1": http.DefaultClient, "h2c": h2c()} {
		t.Run("back and forth over "+name, func(t *testing.T) { backAndForth(t, w, client) })
	}
	t.Run("server-sent events", func(t *testing.T) {
		next := make(chan string)
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
			r, wr := io.Pipe()
			go func() {
				for s := range next {
					io.WriteString(wr, s)
				}
				wr.Close()
			}()
			return &slipway.Response{Status: 200, Header: slipway.Header{"Content-Type": {"text/event-stream"}}, Length: -1, Body: r}, nil
		})
		resp, err := http.Get(w.url + "/fn/hello") // the head comes before any of the body
		must(t, err)
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		for _, want := range []string{"data: 1\n", "data: 2\n"} {
			next <- want
			if got, err := lines.ReadString('\n'); err != nil || got != want {
				t.Fatalf("read %q, %v; want %q", got, err, want)
			}
		}
		close(next)
	})
	t.Run("trailers", func(t *testing.T) {
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
			resp := answer(200, "rpc")
			resp.Length = -1
			resp.Trailer = func() slipway.Header { return slipway.Header{"Grpc-Status": {"0"}} }
			return resp, nil
		})
		resp, body := w.event("GET", "/fn/hello", "")
		check(t, resp, body, 200, "rpc")
		if resp.Trailer.Get("Grpc-Status") != "0" {
			t.Errorf("trailer %v", resp.Trailer)
		}
	})
}

// backAndForth sends a piece, gets it back, and only then sends the next.
func backAndForth(t *testing.T, w *world, client *http.Client) {
	r, wr := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/fn/hello", r)
	must(t, err)
	go io.WriteString(wr, "one\n")
	resp, err := client.Do(req)
	must(t, err)
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for _, next := range []string{"two\n", "three\n", ""} {
		got, err := lines.ReadString('\n')
		must(t, err)
		t.Logf("came back: %q", got)
		if next == "" {
			break
		}
		io.WriteString(wr, next)
	}
	wr.Close()
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

func h2c() *http.Client {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: &protocols}}
}

// TestClientGoes: the function learns that nobody waits any more.
func TestClientGoes(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	i := w.newInvoker("a")
	began, ended := make(chan struct{}), make(chan struct{})
	i.handle(func(ctx context.Context, _ *slipway.Request) (*slipway.Response, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", w.url+"/fn/hello", nil)
	must(t, err)
	go func() {
		<-began
		cancel()
	}()
	if _, err := http.DefaultClient.Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	testenv.Eventually(t, patience, func() error {
		select {
		case <-ended:
			return nil
		default:
			return errors.New("the function still runs")
		}
	})
}
