package invoker_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// http2 makes a function that speaks HTTP/2, and HTTP/1.1 only when it is told to.
func http2(env map[string]string, change ...func(*slipway.Config)) func(*slipway.Config) {
	return func(c *slipway.Config) {
		c.Command, c.Env, c.Scaling.Concurrency = []string{"/fn", "h2"}, env, 10
		for _, f := range change {
			f(c)
		}
	}
}

// call is a request of gRPC.
func call(ref slipway.VersionRef, target string, body io.ReadCloser) *slipway.Request {
	r := request(ref, "POST", target, "")
	r.Proto, r.Header = "HTTP/2.0", slipway.Header{"Content-Type": {"application/grpc+proto"}, "Te": {"trailers"}, "Trailer": {"X-Sum, Content-Length"}}
	r.Body, r.Length = body, -1
	r.Trailer = func() slipway.Header { return slipway.Header{"X-Sum": {"43"}, "Content-Length": {"7"}} }
	return r
}

func TestHTTP2Streams(t *testing.T) {
	m := boot(t)
	for name, env := range map[string]map[string]string{"both": {"HTTP1": "yes"}, "only": nil} {
		t.Run(name, func(t *testing.T) {
			ref := m.deploy(name, slipway.ProtocolHTTP, http2(env))
			body, in := io.Pipe()
			resp := m.send(call(ref, "/stream", body))
			defer resp.Body.Close()
			if resp.Status != 200 || resp.Header["X-Te"][0] != "trailers" || resp.Header["Trailer"][0] != "X-Sum" {
				t.Fatalf("%d %v", resp.Status, resp.Header)
			}
			buf := make([]byte, 4)
			for range 3 { // each is sent after the one before was read
				io.WriteString(in, "ping")
				if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "ping" {
					t.Fatalf("%q, %v", buf, err)
				}
			}
			in.Close()
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
				t.Fatalf("%q, %v", rest, err)
			}
			trailer := resp.Trailer()
			if len(trailer) != 2 || trailer["X-Sum"][0] != "43" || trailer["Grpc-Status"][0] != "0" {
				t.Errorf("trailer %v", trailer)
			}
		})
	}
}

// TestHTTP2Only sends events that do not ask for HTTP/2 to a process that speaks
// nothing else: it is noticed, and none is lost.
func TestHTTP2Only(t *testing.T) {
	m := boot(t)
	for _, method := range []string{"GET", "POST"} { // the first event of each is the one that finds out
		ref := m.deploy(strings.ToLower(method), slipway.ProtocolHTTP, http2(nil))
		for range 2 {
			body := map[string]string{"GET": "", "POST": "hello"}[method]
			resp := m.send(request(ref, method, "/x?y=%41", body))
			got := read(t, resp)
			if resp.Status != 200 || resp.Header["X-Proto"][0] != "HTTP/2.0" || !strings.Contains(got, `"body":"`+body+`"`) || !strings.Contains(got, `"target":"/x?y=%41"`) {
				t.Errorf("%s: %d %v %s", method, resp.Status, resp.Header, got)
			}
		}
	}
	t.Run("is checked over HTTP/2", func(t *testing.T) {
		ref := m.deploy("checked", slipway.ProtocolHTTP, http2(nil, func(c *slipway.Config) { c.Health.Path = "/healthz" }))
		if resp, _ := m.get(ref, "/"); resp.Status != 200 {
			t.Errorf("%+v", resp)
		}
	})
	t.Run("switches no protocols", func(t *testing.T) {
		ref := slipway.VersionRef{Tenant: "default", Function: "get", Version: 1}
		r := request(ref, "GET", "/", "")
		r.Header = slipway.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
		_, err := m.Invoke(t.Context(), r)
		wantKind(t, err, slipway.ErrInvalid, "HTTP/2 only")
	})
}

func TestHTTP2Endings(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, http2(nil))
	t.Run("a trailer alone", func(t *testing.T) {
		resp := m.send(call(ref, "/none", io.NopCloser(strings.NewReader("x"))))
		if resp.Body != nil || resp.Header["Grpc-Status"][0] != "12" {
			t.Errorf("%+v", resp)
		}
	})
	t.Run("the client goes away", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := m.Invoke(ctx, call(ref, "/wait", nil))
			failed <- err
		}()
		until(t, "the call", func() bool { return len(m.logs.find("waiting")) > 0 })
		cancel()
		wantKind(t, <-failed, context.Canceled)
		if _, body := m.get(ref, "/ended"); body != "the client went away" {
			t.Errorf("%q", body)
		}
	})
	t.Run("nobody reads", func(t *testing.T) {
		resp := m.send(call(ref, "/flood", nil))
		if _, err := io.CopyN(io.Discard, resp.Body, 8<<20); err != nil {
			t.Fatal(err)
		}
		if _, body := m.get(ref, "/"); !strings.Contains(body, "GET") { // on the same connection
			t.Errorf("%q", body)
		}
		resp.Body.Close()
		if _, body := m.get(ref, "/ended"); body != "the client went away" {
			t.Errorf("%q", body)
		}
	})
	t.Run("the client's body breaks off", func(t *testing.T) {
		body, in := io.Pipe()
		in.CloseWithError(errors.New("gone"))
		_, err := m.Invoke(t.Context(), call(ref, "/", body))
		wantKind(t, err, slipway.ErrInvalid, "broke off")
	})
	t.Run("the function is silent", func(t *testing.T) {
		ref := m.deploy("slow", slipway.ProtocolHTTP, http2(nil, func(c *slipway.Config) { c.Timeout = slipway.Duration(time.Second) }))
		wantFailure(t, m.send(call(ref, "/sleep", nil)), slipway.ErrorTypeTimeout, "timed out after 1.00 seconds")
	})
	t.Run("the client is silent", func(t *testing.T) {
		ref := m.deploy("deaf", slipway.ProtocolHTTP, http2(nil, func(c *slipway.Config) { c.Timeout = slipway.Duration(time.Second) }))
		body, _ := io.Pipe()
		_, err := m.Invoke(t.Context(), call(ref, "/", body))
		wantKind(t, err, slipway.ErrTimeout, "sent nothing of the body")
	})
	t.Run("the process ends in its answer", func(t *testing.T) {
		resp := m.send(call(ref, "/crash", nil))
		b, err := io.ReadAll(resp.Body)
		var failure *slipway.FunctionError
		if string(b) != "half" || !errors.As(err, &failure) || !strings.Contains(failure.Message, "exit status 5") {
			t.Errorf("%q, %v", b, err)
		}
		if next := m.send(call(ref, "/none", nil)); next.Instance == resp.Instance {
			t.Error("the instance was not replaced")
		}
	})
}

// TestTrailers sends a trailer to a process over HTTP/1.1, and gets one.
func TestTrailers(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP)
	r := call(ref, "/trailer", io.NopCloser(strings.NewReader("body")))
	r.Proto, r.Header["Content-Type"] = "HTTP/1.1", []string{"text/plain"}
	resp := m.send(r)
	if got := read(t, resp); got != "body" || resp.Header["Trailer"][0] != "X-Sum" {
		t.Errorf("%q %v", got, resp.Header)
	}
	if got := resp.Trailer(); len(got) != 1 || got["X-Sum"][0] != "43" {
		t.Errorf("trailer %v", got)
	}
}
