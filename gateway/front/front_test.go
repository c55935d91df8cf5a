package front_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/slipway-run/slipway/gateway/front"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// here says whether a request is served by this package; net/http leaves its mark.
func here(r *http.Request) bool { return r.Context().Value(http.ServerContextKey) == nil }

// place is what handlers answer with in these tests.
func place(r *http.Request) string {
	if here(r) {
		return "here"
	}
	return "there"
}

// serve starts a server on which everything is taken but what is below /api.
func serve(t *testing.T, handler http.HandlerFunc, change ...func(*http.Server)) (s *front.Server, addr string) {
	t.Helper()
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	behind := &http.Server{Handler: handler, Protocols: &protocols, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: log.New(io.Discard, "", 0)}
	for _, f := range change {
		f(behind)
	}
	s = front.New(behind, func(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/api") })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shut down: %v", err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return s, l.Addr().String()
}

// client is one connection.
type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &client{conn, t, bufio.NewReader(conn)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads an answer to a request with that method.
func (c *client) answer(method string) (*http.Response, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res, string(body)
}

func (c *client) want(method string, status int, body string) *http.Response {
	c.t.Helper()
	res, got := c.answer(method)
	if res.StatusCode != status || got != body {
		c.t.Fatalf("%s %.100q, want %d %.100q", res.Status, got, status, body)
	}
	return res
}

func (c *client) wantClosed() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); err == nil {
		c.t.Errorf("%q came, want the end", b)
	}
}

// everything is a handler that does what the path says.
func everything(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	switch r.URL.Path {
	case "/echo":
		b, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		h["Content-Length"] = []string{fmt.Sprint(len(b))}
		w.Write(b)
	case "/none":
		w.WriteHeader(http.StatusNoContent)
	case "/large":
		h.Set("Content-Length", fmt.Sprint(1<<20))
		for range 16 {
			w.Write(make([]byte, 1<<16))
		}
	case "/stream":
		h.Set("Trailer", "X-Sum")
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		io.WriteString(w, "b")
		h.Set("X-Sum", "2")
		h.Set(http.TrailerPrefix+"X-More", "yes")
	case "/short":
		h.Set("Content-Length", "10")
		io.WriteString(w, "short")
	case "/long":
		h.Set("Content-Length", "1")
		io.WriteString(w, "o")
		if _, err := io.WriteString(w, "too much"); !errors.Is(err, http.ErrContentLength) {
			panic(err)
		}
	case "/abort":
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "/panic":
		panic("on purpose")
	case "/odd":
		h["X-Odd"] = []string{"a\r\nX-Evil: b"}
		h["X Odd"] = []string{"c"}
		h.Set("Transfer-Encoding", "gzip")
		h.Set("Content-Length", "4")
		io.WriteString(w, place(r))
	case "/silent":
	default:
		h.Set("Content-Length", fmt.Sprint(len(place(r))))
		io.WriteString(w, place(r))
	}
}

func TestPlainRequests(t *testing.T) {
	_, addr := serve(t, everything)
	c := dial(t, addr)
	for range 2 {
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if res := c.want("GET", 200, "here"); res.Header.Get("Date") == "" {
			t.Error("no date")
		}
	}
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET / HT") // at once, and one in two pieces
	c.want("GET", 200, "here")
	c.want("POST", 200, "hello")
	c.send("TP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n")
	c.want("GET", 200, "here")
	c.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 16384\r\n\r\n")
	c.send(strings.Repeat("x", 16000))
	c.send(strings.Repeat("x", 384))
	c.want("POST", 200, strings.Repeat("x", 16384))
	c.send("POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n" + strings.Repeat("y", 9000)) // which nobody reads
	c.want("POST", 204, "")
	c.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
	if res := c.want("HEAD", 200, ""); res.ContentLength != 4 {
		t.Errorf("length %d", res.ContentLength)
	}
	c.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	c.want("GET", 200, strings.Repeat("\x00", 1<<20))
	c.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
	if res := c.want("GET", 200, "ab"); res.Trailer.Get("X-Sum") != "2" || res.Trailer.Get("X-More") != "yes" || res.TransferEncoding == nil {
		t.Errorf("trailer %v", res.Trailer)
	}
	c.send("GET /odd HTTP/1.1\r\nHost: x\r\n\r\n")
	if res := c.want("GET", 200, "here"); res.Header.Get("X-Evil") != "" || res.Header.Get("X-Odd") == "" || len(res.TransferEncoding) > 0 {
		t.Errorf("header %v", res.Header)
	}
	c.send("GET /silent HTTP/1.1\r\nHost: x\r\n\r\n")
	c.want("GET", 200, "")
	c.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
	c.want("GET", 200, "o")
}

func TestBrokenAnswers(t *testing.T) {
	_, addr := serve(t, everything)
	for path, come := range map[string]string{"/short": "short", "/abort": "half", "/panic": ""} {
		c := dial(t, addr)
		c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		res, err := http.ReadResponse(c.r, nil)
		if path == "/panic" {
			if err == nil {
				t.Errorf("%s: %s", path, res.Status)
			}
			continue
		}
		if err != nil {
			t.Fatal(path, err)
		}
		if body, err := io.ReadAll(res.Body); err == nil || string(body) != come {
			t.Errorf("%s: %q, %v", path, body, err)
		}
	}
}

// TestClientGoes: a handler learns it; and one that only takes its time serves on.
func TestClientGoes(t *testing.T) {
	began, ended, proceed := make(chan bool), make(chan bool), make(chan bool)
	_, addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		began <- here(r)
		select {
		case <-r.Context().Done():
			ended <- true
		case <-proceed:
			everything(w, r)
		}
	})
	c := dial(t, addr)
	for i := range 3 {
		c.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
		<-began
		if i == 1 { // the next request comes while this one runs
			c.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\ny")
		}
		<-time.After(20 * time.Millisecond) // it is watched by now, most likely; both ways are right
		proceed <- true
		c.want("POST", 200, "x")
		if i == 1 {
			<-began
			proceed <- true
			c.want("POST", 200, "y")
		}
	}
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if !<-began {
		t.Error("it was not served here")
	}
	c.Close()
	<-ended
}

func TestTimes(t *testing.T) {
	_, addr := serve(t, everything, func(s *http.Server) {
		s.ReadHeaderTimeout, s.IdleTimeout = 50*time.Millisecond, 100*time.Millisecond
	})
	silent, half, idle := dial(t, addr), dial(t, addr), dial(t, addr)
	half.send("GET / HTTP/1.1\r\nHo")
	idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	idle.want("GET", 200, "here")
	for _, c := range []*client{silent, half, idle} {
		c.wantClosed()
	}
}

func TestShutdown(t *testing.T) {
	began, proceed := make(chan bool, 1), make(chan bool)
	s, addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			began <- true
			<-proceed
		}
		everything(w, r)
	})
	idle, busy := dial(t, addr), dial(t, addr)
	idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	idle.want("GET", 200, "here")
	busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("with a request that runs: %v", err)
	}
	idle.wantClosed()
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("a new connection is taken")
	}
	proceed <- true
	if res := busy.want("GET", 200, "here"); !res.Close {
		t.Errorf("header %v", res.Header)
	}
	busy.wantClosed()
}

// TestServeAfterShutdown: whoever stops a server before it serves has stopped it.
func TestServeAfterShutdown(t *testing.T) {
	s := front.New(&http.Server{}, func(*http.Request) bool { return true })
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("serve: %v", err)
	}
}

// TestManyPieces cuts requests in all places.
func TestManyPieces(t *testing.T) {
	_, addr := serve(t, everything)
	c := dial(t, addr)
	request := []byte("POST /echo?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
	for cut := 1; cut < len(request); cut++ {
		c.send(string(bytes.Clone(request[:cut])))
		c.send(string(request[cut:]))
		c.want("POST", 200, "abc")
	}
}
