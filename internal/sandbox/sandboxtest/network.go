package sandboxtest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
)

// testNetwork is about sockets of the host in the sandbox's namespace.
func testNetwork(t *testing.T, b *Bench) {
	t.Run("loopback only", func(t *testing.T) {
		if out := b.Output(t, "net"); out != "lo true\n" {
			t.Errorf("interfaces:\n%s", out)
		}
	})
	t.Run("dial", func(t *testing.T) {
		for listen, dial := range map[string][2]string{
			"tcp,127.0.0.1:8080":   {"tcp", "127.0.0.1:8080"},
			"tcp,0.0.0.0:80":       {"tcp4", "127.0.0.1:80"},
			"tcp,[::1]:8080":       {"tcp6", "[::1]:8080"},
			"tcp6,[::1]:8081":      {"tcp", "localhost:8081"},
			"unix,/tmp/s.sock":     {"unix", "/tmp/s.sock"},
			"unix,@abstract-name1": {"unix", "@abstract-name1"},
		} {
			t.Run(listen, func(t *testing.T) {
				spec := b.Spec("echo", listen)
				spec.User = "app"
				p := b.Start(t, spec)
				p.Expect(t, "listening")
				echoes(t, p, dial[0], dial[1])
			})
		}
	})
	t.Run("await", func(t *testing.T) {
		for _, listen := range []string{"127.0.0.1:8080", "0.0.0.0:8080", "[::1]:8080", "[::]:8080"} {
			s := b.Create(t, b.Spec("echo", "tcp,"+listen))
			conns := make(chan net.Conn, 1)
			go func() {
				defer close(conns)
				if c, err := s.Await(context.Background(), 8080); err != nil {
					t.Errorf("%s: %v", listen, err)
				} else {
					conns <- c
				}
			}()
			p := Start(t, s) // while it is waited for
			if c, ok := <-conns; ok {
				echo(t, c)
			}
			echoes(t, p, "tcp", listen)
		}
	})
	t.Run("await in vain", func(t *testing.T) {
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(context.Background())
		p := b.Start(t, b.Spec("pause"))
		failed := make(chan error, 1)
		go func() { _, err := p.Await(ctx, 8080); failed <- err }()
		cancel(gone)
		if err := <-failed; !errors.Is(err, gone) {
			t.Errorf("await: %v", err)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		p := b.Start(t, b.Spec("pause"))
		for _, address := range [][2]string{{"tcp", "127.0.0.1:8080"}, {"unix", "/tmp/none"}} {
			if _, err := p.Dial(context.Background(), address[0], address[1]); !errors.Is(err, slipway.ErrUnavailable) {
				t.Errorf("dial %s: %v", address, err)
			}
		}
		if _, err := p.Dial(context.Background(), "udp", "127.0.0.1:1"); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("dial udp: %v", err)
		}
	})
	t.Run("the host's ports are others", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if out, exit := b.Run(t, b.Spec("connect", "tcp,"+l.Addr().String())); exit.Success() || !strings.Contains(out, "refused") {
			t.Errorf("%s %s", exit, out)
		}
		p := b.Start(t, b.Spec("pause"))
		if c, err := p.Dial(context.Background(), "tcp", l.Addr().String()); err == nil {
			c.Close()
			t.Error("dialled a port of the host")
		}
	})
	t.Run("a link cannot lead a dialler out", func(t *testing.T) {
		outside := filepath.Join(t.TempDir(), "host.sock")
		l, err := net.Listen("unix", outside)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		layer := Layer(t, nil)
		if err := os.Symlink(outside, filepath.Join(layer, "in.sock")); err != nil {
			t.Fatal(err)
		}
		spec := b.Spec("pause")
		spec.Layers = append(spec.Layers, layer)
		p := b.Start(t, spec)
		for _, path := range []string{"/in.sock", outside, "/proc/1/root" + outside} {
			if c, err := p.Dial(context.Background(), "unix", path); err == nil {
				c.Close()
				t.Errorf("%s leads to the host", path)
			}
		}
	})
	t.Run("listen", func(t *testing.T) {
		s := b.Create(t, b.Spec("connect", "tcp,127.0.0.1:9001"))
		l, err := s.Listen(context.Background(), "tcp", "127.0.0.1:9001") // before Start
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		p := Start(t, s)
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "hello from outside"); err != nil {
			t.Fatal(err)
		}
		c.Close()
		p.Expect(t, "got hello from outside")
		if _, err := p.Listen(context.Background(), "unix", "/tmp/x"); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("listen on unix: %v", err)
		}
	})
}

// echoes says something and expects it back.
func echoes(t *testing.T, s slipway.Sandbox, network, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := s.Dial(ctx, network, address)
	if err != nil {
		t.Fatal(err)
	}
	echo(t, c)
}

// echo expects that what is sent comes back, and closes the connection.
func echo(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	if _, err := io.WriteString(c, "ping"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "ping" {
		t.Errorf("%q, %v", b, err)
	}
}
