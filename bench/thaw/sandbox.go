package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/bench/rig"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/zram"
)

const (
	port     = 8080
	address  = "127.0.0.1:8080"
	swapSize = 256 << 20 // bytes
)

// addSandbox prepares a sandbox of Slipway's native runtime, as the invoker uses it.
func (b *bench) addSandbox(ctx context.Context, program, dir string) error {
	native, err := sandbox.New(sandbox.Config{Dir: filepath.Join(dir, "sandboxes"), Name: fmt.Sprintf("slipway-thaw-%d", os.Getpid())}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	b.stops = append(b.stops, native.Close)
	s, err := b.start(ctx, native, program)
	if err != nil {
		return err
	}
	kept, err := keep(ctx, s)
	if err != nil {
		return err
	}
	b.stops = append(b.stops, kept.Close)
	anew := func(ctx context.Context) error {
		conn, err := s.Dial(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return rig.Ask(conn)
	}
	thaw := func(ctx context.Context) error { return errors.Join(s.Thaw(ctx), anew(ctx)) }
	b.add(&contender{name: "sandbox, warm, kept connection", rounds: b.rounds, answer: func(context.Context) error { return kept.ask() }})
	b.add(&contender{name: "sandbox, warm", rounds: b.rounds, answer: anew})
	b.add(&contender{name: "sandbox, frozen", rounds: b.rounds, pause: s.Freeze, answer: thaw})
	swap, err := zram.New(ctx, swapSize)
	if err != nil {
		b.missing = append(b.missing, fmt.Sprintf("sandbox, memory in swap (%v)", err))
		return nil
	}
	b.stops = append(b.stops, swap.Close)
	b.add(&contender{name: "sandbox, frozen, memory in zram", rounds: b.rounds, answer: thaw, pause: func(ctx context.Context) error {
		if err := s.Freeze(ctx); err != nil {
			return err
		}
		freed, err := s.Reclaim(ctx)
		if err != nil {
			return err
		}
		compressed, holds, err := swap.Used()
		b.moved = fmt.Sprintf("zram holds %.1f MiB of the program's memory in %.1f MiB", mib(holds), mib(compressed))
		if freed == 0 {
			err = errors.New("no memory was moved to swap")
		}
		return err
	}})
	return nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func (b *bench) start(ctx context.Context, native *sandbox.Native, program string) (slipway.Sandbox, error) {
	s, err := native.Create(ctx, slipway.SandboxSpec{
		ID: fmt.Sprintf("thaw-%d", os.Getpid()), Layers: []string{filepath.Dir(program)},
		Args: []string{"/" + filepath.Base(program)}, Env: []string{fmt.Sprintf("PORT=%d", port)},
		CPU: 1, MemoryMB: 128, PIDs: 1024, OpenFiles: 1024, Network: slipway.NetworkNone,
	})
	if err != nil {
		return nil, err
	}
	b.stops = append(b.stops, s.Close)
	if err := s.Start(ctx, slipway.Stdio{}); err != nil {
		return nil, err
	}
	conn, err := s.Await(ctx, port)
	if err != nil {
		return nil, err
	}
	return s, rig.Ask(conn)
}

// keptConn is a connection for one request after the other.
type keptConn struct {
	net.Conn
	in *bufio.Reader
}

func keep(ctx context.Context, s slipway.Sandbox) (*keptConn, error) {
	conn, err := s.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &keptConn{conn, bufio.NewReader(conn)}, nil
}

func (c *keptConn) ask() error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return rig.CheckAnswer(res)
}
