package front

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves connections until they have a request that is not plain.
type Server struct {
	*http.Server                            // serves everything else, with the same handler and limits
	Takes        func(r *http.Request) bool // whether a plain request is served here; it may look and not touch

	closing  atomic.Bool
	handed   chan net.Conn
	done     chan struct{} // closed when Shutdown begins
	conns    sync.WaitGroup
	mu       sync.Mutex // guards what follows
	open     map[*conn]struct{}
	listener net.Listener
}

// New puts a Server in front of one of net/http.
func New(behind *http.Server, takes func(r *http.Request) bool) *Server {
	return &Server{Server: behind, Takes: takes, handed: make(chan net.Conn), done: make(chan struct{}), open: map[*conn]struct{}{}}
}

// Serve takes connections from l until Shutdown, and returns http.ErrServerClosed then.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listener = l
	late := s.closing.Load()
	s.mu.Unlock()
	if late {
		l.Close()
		return http.ErrServerClosed
	}
	behind := make(chan error, 1)
	go func() { behind <- s.Server.Serve(handover{s, l.Addr()}) }()
	err := s.accept(l)
	if s.closing.Load() {
		<-behind
		return http.ErrServerClosed
	}
	return err
}

// accept goes on after errors that pass, as when there are no more file descriptors.
func (s *Server) accept(l net.Listener) error {
	for pause := time.Duration(0); ; {
		nc, err := l.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case err == nil:
			pause = 0
			s.begin(nc)
		case s.closing.Load() || !errors.As(err, &passing) || !passing.Temporary():
			return err
		default:
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(pause):
			case <-s.done:
			}
		}
	}
}

func (s *Server) begin(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		nc.Close()
		return
	}
	s.open[c] = struct{}{}
	s.conns.Go(func() {
		c.serve()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, c)
	})
}

// Shutdown takes no new connections and requests, and returns when those that run have
// finished, or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closing.Swap(true) {
		close(s.done)
	}
	if s.listener != nil {
		s.listener.Close()
	}
	for c := range s.open {
		c.closeIdle()
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.conns.Wait()
		close(ended)
	}()
	err := s.Server.Shutdown(ctx)
	select {
	case <-ended:
		return err
	case <-ctx.Done():
		return errors.Join(err, ctx.Err())
	}
}

// handover is the listener of the server behind.
type handover struct {
	s    *Server
	addr net.Addr
}

// Accept gives a connection that is not for this server.
func (h handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.s.handed:
		return c, nil
	case <-h.s.done:
		return nil, net.ErrClosed
	}
}

func (h handover) Addr() net.Addr { return h.addr }
func (h handover) Close() error   { return nil } // Shutdown ends it

// begun is a connection of which something was read.
type begun struct {
	net.Conn
	read []byte
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.read) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.read)
	if b.read = b.read[n:]; len(b.read) == 0 {
		b.read = nil
	}
	return n, nil
}

// CloseWrite says that nothing more will be sent.
func (b *begun) CloseWrite() error {
	if half, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
