package invoker_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func concurrency(n int) func(*slipway.Config) {
	return func(c *slipway.Config) { c.Scaling.Concurrency = n }
}

func TestHTTP(t *testing.T) {
	m := boot(t)
	ref := m.deploy("hello", slipway.ProtocolHTTP, func(c *slipway.Config) { c.Port = 3456 })
	r := request(ref, "POST", "/x?y=1", "some body")
	r.Header = slipway.Header{"X-Mine": {"a", "b"}, "Connection": {"X-Secret"}, "X-Secret": {"s"}, "X-Forwarded-For": {"198.51.100.7"}, "Expect": {"100-continue"}}
	resp := m.send(r)
	var got struct {
		Method, Target, Host, Body string
		Length                     int64
		Header                     map[string][]string
	}
	if err := json.Unmarshal([]byte(read(t, resp)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Method != "POST" || got.Target != "/x?y=1" || got.Host != "fn.localhost" || got.Body != "some body" || got.Length != 9 {
		t.Errorf("the function got %+v", got)
	}
	want := map[string]string{
		"X-Mine": "a b", "X-Secret": "", "Expect": "", "X-Forwarded-For": "198.51.100.7, 192.0.2.1",
		"X-Forwarded-Proto": "http", "X-Forwarded-Host": "fn.localhost", "X-Request-Id": r.ID,
	}
	for name, value := range want {
		if v := strings.Join(got.Header[name], " "); v != value {
			t.Errorf("%s arrived as %q, want %q", name, v, value)
		}
	}
	if resp.Status != 200 || resp.Header["X-Fn"] == nil || resp.Header["Keep-Alive"] != nil || resp.Length <= 0 {
		t.Errorf("answer: %d %v, length %d", resp.Status, resp.Header, resp.Length)
	}
	if !resp.ColdStart || resp.Phases.Start <= 0 || resp.Phases.Run <= 0 || resp.Instance == "" {
		t.Errorf("the first answer: %+v", resp)
	}
	warm, _ := m.get(ref, "/")
	if warm.ColdStart || warm.Phases.Start != 0 || warm.Instance != resp.Instance {
		t.Errorf("the second answer: %+v", warm)
	}
	until(t, "the log line", func() bool { return len(m.logs.find("fn begins")) == 1 })
	line := m.logs.find("fn begins")[0]
	if line.Tenant != "default" || line.Function != "hello" || line.Version != 1 || line.Instance != resp.Instance || line.Stream != "stdout" {
		t.Errorf("log line %+v", line)
	}
}

func TestHTTPAnswers(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP)

	t.Run("informs before", func(t *testing.T) {
		if resp, body := m.get(ref, "/early"); resp.Status != 200 || body != "final" {
			t.Errorf("%d %q", resp.Status, body)
		}
	})
	t.Run("HEAD", func(t *testing.T) {
		resp := m.send(request(ref, "HEAD", "/", ""))
		if resp.Status != 200 || resp.Body != nil || resp.Length != 0 || resp.Header["Content-Length"] == nil {
			t.Errorf("%+v", resp)
		}
	})
	t.Run("trailer", func(t *testing.T) {
		resp, body := m.get(ref, "/trailer")
		if body != "body" || resp.Trailer == nil || resp.Trailer()["X-Sum"][0] != "42" {
			t.Errorf("%q %+v", body, resp)
		}
	})
	t.Run("closes its connection", func(t *testing.T) {
		for range 3 {
			if _, body := m.get(ref, "/close"); body != "bye" {
				t.Errorf("%q", body)
			}
		}
	})
	t.Run("is not HTTP", func(t *testing.T) {
		wantFailure(t, m.send(request(ref, "GET", "/garbage", "")), slipway.ErrorTypeBadResponse, "no valid HTTP")
		m.get(ref, "/")
	})
	t.Run("an invocation is posted", func(t *testing.T) {
		r := invocation(ref, `{"a":1}`)
		r.Header["Authorization"] = []string{"Bearer secret"}
		body := read(t, m.send(r))
		if !strings.Contains(body, `"method":"POST"`) || !strings.Contains(body, `"target":"/"`) || strings.Contains(body, "secret") {
			t.Errorf("the function got %s", body)
		}
	})
	t.Run("a request that would be two", func(t *testing.T) {
		_, err := m.Invoke(t.Context(), request(ref, "GET", "/ HTTP/1.1\r\nX: y", ""))
		wantKind(t, err, slipway.ErrInvalid)
	})
	if n := len(m.pool.Instances(nil)); n != 1 {
		t.Errorf("%d instances, want one for all of it", n)
	}
}

// noise is n bytes that do not compress, the same each time.
func noise(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{7}), n) }

func TestStreams(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP)
	const size = 100 << 20
	for _, length := range []int64{-1, size} {
		t.Run(fmt.Sprintf("100 MiB both ways, length %d", length), func(t *testing.T) {
			r := request(ref, "POST", "/echo", "")
			sent, got := sha256.New(), sha256.New()
			r.Body, r.Length = io.NopCloser(io.TeeReader(noise(size), sent)), length
			resp := m.send(r)
			defer resp.Body.Close()
			n, err := io.Copy(got, resp.Body)
			if err != nil || n != size || string(got.Sum(nil)) != string(sent.Sum(nil)) {
				t.Errorf("%d bytes came back, %v", n, err)
			}
		})
	}
	t.Run("events as they come", func(t *testing.T) {
		body, in := io.Pipe()
		r := request(ref, "POST", "/ticks", "")
		r.Body, r.Length = body, -1
		resp := m.send(r)
		defer resp.Body.Close()
		for i := range 3 { // each is sent after the one before was read
			want := fmt.Sprintf("data: tick %d\n\n", i)
			fmt.Fprintf(in, "tick %d", i)
			buf := make([]byte, len(want))
			if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != want {
				t.Fatalf("%q, %v", buf, err)
			}
		}
		in.Close()
		if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
			t.Errorf("%q, %v", rest, err)
		}
	})
	t.Run("a body that breaks off", func(t *testing.T) {
		r := request(ref, "POST", "/", "")
		r.Body, r.Length = io.NopCloser(strings.NewReader("short")), 100
		_, err := m.Invoke(t.Context(), r)
		wantKind(t, err, slipway.ErrInvalid, "broke off")
	})
}

func TestUpgrade(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP)
	body, in := io.Pipe()
	r := request(ref, "GET", "/upgrade", "")
	r.Header = slipway.Header{"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"echo"}}
	r.Body, r.Length = body, -1
	resp := m.send(r)
	if resp.Status != 101 || resp.Header["Upgrade"][0] != "echo" {
		t.Fatalf("%d %v", resp.Status, resp.Header)
	}
	buf := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "hello " {
		t.Fatalf("%q, %v", buf, err)
	}
	for range 3 {
		io.WriteString(in, "ping!!")
		if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "ping!!" {
			t.Fatalf("%q, %v", buf, err)
		}
	}
	in.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
	resp.Body.Close()
	m.get(ref, "/")
}

func TestHTTPFailures(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, func(c *slipway.Config) { c.MemoryMB = 64 })
	t.Run("crash", func(t *testing.T) {
		r := request(ref, "GET", "/crash", "")
		resp := m.send(r)
		wantFailure(t, resp, slipway.ErrorTypeExit, "RequestId: "+r.ID+" Error: Runtime exited with error: exit status 3")
		if !strings.Contains(resp.LogTail, "about to fall") {
			t.Errorf("log tail %q", resp.LogTail)
		}
		if lines := m.logs.find("exit status 3"); len(lines) != 1 || lines[0].Stream != "platform" || lines[0].Invocation != r.ID {
			t.Errorf("log lines %+v", lines)
		}
		next, _ := m.get(ref, "/")
		if !next.ColdStart || next.Instance == resp.Instance {
			t.Error("the instance was not replaced")
		}
	})
	t.Run("crash in the middle of an answer", func(t *testing.T) {
		resp := m.send(request(ref, "GET", "/half", ""))
		b, err := io.ReadAll(resp.Body)
		var failure *slipway.FunctionError
		if string(b) != "half" || !errors.As(err, &failure) || !strings.Contains(failure.Message, "exit status 4") {
			t.Errorf("%q, %v", b, err)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		ref := m.deploy("slow", slipway.ProtocolHTTP, func(c *slipway.Config) { c.Timeout = slipway.Duration(2 * time.Second) })
		r := request(ref, "GET", "/sleep", "")
		resp := m.send(r)
		wantFailure(t, resp, slipway.ErrorTypeTimeout, "RequestId: "+r.ID+" Error: Task timed out after 2.00 seconds")
		next, _ := m.get(ref, "/")
		if next.Instance == resp.Instance {
			t.Error("the instance was not replaced")
		}
	})
	t.Run("too much memory", func(t *testing.T) {
		wantFailure(t, m.send(request(ref, "GET", "/hog", "")), slipway.ErrorTypeOutOfMemory, "memory")
	})
}

func TestConcurrency(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, concurrency(11))
	var wg sync.WaitGroup
	instances := make(chan string, 10)
	for range 10 {
		wg.Go(func() {
			resp, _ := m.get(ref, "/wait")
			instances <- resp.Instance
		})
	}
	until(t, "ten at once", func() bool { return len(m.logs.find("waiting 10")) == 1 })
	resp, _ := m.get(ref, "/open")
	wg.Wait()
	for range 10 {
		if id := <-instances; id != resp.Instance {
			t.Errorf("instance %s, want one for all: %s", id, resp.Instance)
		}
	}
}

func TestClientGoesAway(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, concurrency(2))
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := m.Invoke(ctx, request(ref, "GET", "/gone", ""))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the answer of a cancelled event seems complete")
	}
	resp.Body.Close()
	again, body := m.get(ref, "/ended")
	if body != "the client went away" || again.Instance != resp.Instance {
		t.Errorf("%q of %s", body, again.Instance)
	}
	ctx, cancel = context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := m.Invoke(ctx, request(ref, "GET", "/wait", ""))
		failed <- err
	}()
	until(t, "the request", func() bool { return len(m.logs.find("waiting 1")) == 1 })
	cancel()
	wantKind(t, <-failed, context.Canceled)
	m.get(ref, "/")
}

func TestDeadlineOfTheCaller(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP)
	r := request(ref, "POST", "/echo", "hello")
	r.Deadline = time.Now().Add(time.Hour)
	if body := read(t, m.send(r)); body != "hello" {
		t.Errorf("%q", body)
	}
	r = request(ref, "GET", "/sleep", "")
	r.Deadline = time.Now().Add(50 * time.Millisecond)
	_, err := m.Invoke(t.Context(), r)
	wantKind(t, err, slipway.ErrTimeout, "caller waits")
	m.get(ref, "/")
}

func TestFloodOfLogs(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP)
	r := request(ref, "GET", "/flood", "")
	resp := m.send(r)
	until(t, "all lines", func() bool { return len(m.logs.find("xxx")) == 300 })
	for _, line := range m.logs.find("xxx") {
		if n := len(line.Text); n != 16<<10 && n != 8<<10 {
			t.Fatalf("a line of %d bytes", n)
		}
	}
	read(t, resp)
	// A crash on a kept connection is no reason to send the event again.
	if crash := m.send(request(ref, "GET", "/crash", "")); crash.Instance != resp.Instance || crash.LogTail != "about to fall\n" {
		t.Errorf("log tail %.100q, want that of the event alone", crash.LogTail)
	}
}
