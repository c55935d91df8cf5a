package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"github.com/slipway-run/slipway"
)

// TestWebSocket: the invoker is joined with a real WebSocket server, as an instance is.
func TestWebSocket(t *testing.T) {
	w := newWorld(t)
	w.publish("chat", nil)
	i := w.newInvoker("a")
	i.handle(joinWith(t, serveChat(t)))

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+w.url[len("http"):]+"/fn/chat/room", nil)
	must(t, err)
	defer conn.CloseNow()
	for n := range 3 {
		text := fmt.Sprint("message ", n)
		must(t, conn.Write(ctx, websocket.MessageText, []byte(text)))
		_, got, err := conn.Read(ctx)
		must(t, err)
		if string(got) != "/room says "+text {
			t.Errorf("got %q", got)
		}
	}
	must(t, conn.Close(websocket.StatusNormalClosure, "bye"))
}

// TestUpgradeRefused: a function that does not switch answers as ever.
func TestUpgradeRefused(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	i := w.newInvoker("a")
	i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
		return answer(426, "not here"), nil
	})
	resp, body := w.event("GET", "/fn/hello", "", "Connection", "Upgrade", "Upgrade", "websocket")
	check(t, resp, body, 426, "not here")

	i.handle(echo)
	resp, body = w.event("GET", "/fn/hello", "", "Connection", "Upgrade, HTTP2-Settings", "Upgrade", "h2c")
	check(t, resp, body, 200, "")
	if resp.Header.Get("Got-Upgrade") != "" {
		t.Error("the offer of h2c went on to the function")
	}
}

// serveChat is a WebSocket server that says what it hears.
func serveChat(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	web := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(rw, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for {
			kind, text, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if err := conn.Write(r.Context(), kind, []byte(r.URL.Path+" says "+string(text))); err != nil {
				return
			}
		}
	})}
	go web.Serve(l)
	t.Cleanup(func() { web.Close() })
	return l.Addr().String()
}

// joinWith sends an event to an HTTP server and joins the streams when that switches.
func joinWith(t *testing.T, addr string) func(context.Context, *slipway.Request) (*slipway.Response, error) {
	return func(ctx context.Context, r *slipway.Request) (*slipway.Response, error) {
		req, err := http.NewRequest(r.Method, "http://"+addr+r.Target, nil)
		if err != nil {
			return nil, err
		}
		req.Header = http.Header(r.Header)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		stream := resp.Body.(io.ReadWriteCloser)
		context.AfterFunc(ctx, func() { stream.Close() })
		go func() {
			io.Copy(stream, r.Body)
			stream.Close()
		}()
		return &slipway.Response{Status: resp.StatusCode, Header: slipway.Header(resp.Header), Length: -1, Body: stream}, nil
	}
}
