package bus_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

func TestServerRefuses(t *testing.T) {
	tests := []struct {
		cfg  bus.ServerConfig
		want string
	}{
		{bus.ServerConfig{}, "Dir"},
		{bus.ServerConfig{Dir: "x", Listen: ":4222"}, "token"},
		{bus.ServerConfig{Dir: "x", Listen: "0.0.0.0:0"}, "token"},
		{bus.ServerConfig{Dir: "x", Listen: "127.0.0.1"}, "listen"},
		{bus.ServerConfig{Dir: "x", Listen: "127.0.0.1:99999"}, "port"},
	}
	for _, tt := range tests {
		_, err := bus.NewServer(tt.cfg, slog.New(slog.DiscardHandler))
		if !errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: err = %v", tt.cfg, err)
		}
	}
}

// TestServerWithToken has a process connect over TCP to the embedded server of another.
func TestServerWithToken(t *testing.T) {
	s := newServer(t, "127.0.0.1:0", "secret")
	inside := connect(t, bus.Config{Server: s})
	serve(t, inside, "echo", echo)
	address := strings.TrimPrefix(s.URL(), "nats://")
	_, err := bus.Connect(within(t), bus.Config{URL: "nats://wrong@" + address}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, slipway.ErrUnauthorized) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("err = %v, want ErrUnauthorized", err)
	}
	outside := connect(t, bus.Config{URL: "nats://secret@" + address})
	n, rc := body("x")
	if _, err := outside.RoundTrip(within(t), "echo", &slipway.Request{Length: n, Body: rc}); err != nil {
		t.Error(err)
	}
}

// TestServerRestarts holds that what JetStream has is still there.
func TestServerRestarts(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		s, err := bus.NewServer(bus.ServerConfig{Dir: dir}, testLog(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(within(t)); err != nil {
			t.Fatal(err)
		}
		b, err := bus.Connect(within(t), bus.Config{Server: s}, testLog(t))
		if err != nil {
			t.Fatal(err)
		}
		b.LogWriter(context.Background()).Write(logLine(i))
		stored(t, b, logged, i+1)
		b.Close()
		s.Shutdown()
	}
}

func TestConnectSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		cfg  bus.Config
		kind error
		want string
	}{
		{bus.Config{}, slipway.ErrInvalid, "nats://"},
		{bus.Config{URL: "nats://user:hidden@127.0.0.1:1", ConnectTimeout: 300 * time.Millisecond}, slipway.ErrUnavailable, "127.0.0.1:1"},
	} {
		_, err := bus.Connect(within(t), tt.cfg, slog.New(slog.DiscardHandler))
		if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("err = %v", err)
		}
	}
}

// TestReconnect cuts the connections to a server that goes on.
func TestReconnect(t *testing.T) {
	proxy := newProxy(t, testenv.NATS(t))
	cfg := quick
	cfg.URL, cfg.ViaNATS = proxy.url, true
	b, err := bus.Connect(within(t), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	serve(t, b, "echo", echo)
	serve(t, b, "endless", func(ctx context.Context, _ *slipway.Request) (*slipway.Response, error) { return endless(ctx), nil })
	resp, err := b.RoundTrip(within(t), "endless", &slipway.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	w := b.LogWriter(context.Background())
	proxy.cut()
	w.Write(logLine(0))
	testenv.Eventually(t, time.Minute, func() error {
		if _, err := b.RoundTrip(within(t), "echo", &slipway.Request{}); !errors.Is(err, slipway.ErrUnavailable) {
			return errors.New("the loss was not noticed")
		}
		return nil
	})
	if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, slipway.ErrUnavailable) {
		t.Errorf("err = %v, want ErrUnavailable", err)
	}
	proxy.mend()
	testenv.Eventually(t, time.Minute, func() error {
		_, err := b.RoundTrip(within(t), "echo", &slipway.Request{})
		return err
	})
	stored(t, b, logged, 1)
}

// proxy stands between a bus and its server.
type proxy struct {
	url    string
	target string
	gate   chan struct{} // holds a token while connections pass
	conns  chan net.Conn
}

func newProxy(t *testing.T, url string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &proxy{"nats://" + l.Addr().String(), strings.TrimPrefix(url, "nats://"), make(chan struct{}, 1), make(chan net.Conn, 1000)}
	p.mend()
	go p.accept(l)
	return p
}

func (p *proxy) accept(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		select {
		case <-p.gate:
			p.gate <- struct{}{}
			p.pass(in)
		default:
			in.Close()
		}
	}
}

func (p *proxy) pass(in net.Conn) {
	out, err := net.Dial("tcp", p.target)
	if err != nil {
		in.Close()
		return
	}
	p.conns <- in
	copyAndClose := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		to.Close()
	}
	go copyAndClose(in, out)
	go copyAndClose(out, in)
}

func (p *proxy) mend() { p.gate <- struct{}{} }

func (p *proxy) cut() {
	<-p.gate
	for len(p.conns) > 0 {
		(<-p.conns).Close()
	}
}
