package bus

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// line is the connection that carries the calls, whichever it is now. The client of
// NATS gives what is published to a goroutine of its own, which writes it: for a call
// that is one more goroutine to wait for, each way. Here the publisher writes itself,
// and takes along what others have published meanwhile.
type line struct{ now atomic.Pointer[wire] }

// over makes conn the line's connection.
func (l *line) over(conn net.Conn) net.Conn {
	w := &wire{Conn: conn}
	w.room.L = &w.mu
	l.now.Store(w)
	return w
}

// push writes what was published. It returns when that is written, or when somebody
// else is about to write it.
func (l *line) push() error { return l.now.Load().push() }

// maxUnwritten is how much may wait for whoever writes; publishers then wait, too.
const maxUnwritten = 1 << 20

// wire is a connection that keeps back messages until push. Everything else that the
// client writes goes out at once, for nobody would push it.
type wire struct {
	net.Conn

	mu      sync.Mutex // guards what follows
	room    sync.Cond
	buf     []byte // not written yet
	spare   []byte // to be buf
	writing bool
	err     error
}

// Write takes whole protocol messages of NATS: the client's own buffer is set to hold
// none back.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.buf = append(w.buf, p...)
	err := w.err
	w.mu.Unlock()
	if err != nil || bytes.HasPrefix(p, publishing) {
		return len(p), err
	}
	return len(p), w.push()
}

// publishing is how a message without headers begins; calls have none.
var publishing = []byte("PUB ")

func (w *wire) push() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.writing && len(w.buf) > maxUnwritten {
		w.room.Wait()
	}
	if w.writing {
		return nil
	}
	w.writing = true
	for len(w.buf) > 0 && w.err == nil {
		w.write()
	}
	w.writing = false
	return w.err
}

// write writes what waits. mu is held, but not meanwhile.
func (w *wire) write() {
	out := w.buf
	w.buf, w.spare = w.spare[:0], nil
	w.mu.Unlock()
	_, err := w.Conn.Write(out)
	if err != nil {
		w.Conn.Close() // a part may have been written: nothing can follow it
	}
	w.mu.Lock()
	w.spare, w.err = out, err
	w.room.Broadcast()
}

// SetWriteDeadline does nothing: the client sets one for each Write, which does not
// wait. Its pings find out that a connection is stuck, and close it.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// wiredServer gives in-process connections of a server to a line.
type wiredServer struct {
	server *Server
	line   *line
}

// InProcessConn implements nats.InProcessConnProvider.
func (s wiredServer) InProcessConn() (net.Conn, error) {
	conn, err := s.server.InProcessConn()
	if err != nil {
		return nil, err
	}
	return s.line.over(conn), nil
}

// wiredDialer gives connections to servers elsewhere to a line.
type wiredDialer struct {
	net.Dialer
	line *line
}

// Dial implements nats.CustomDialer.
func (d wiredDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.Dialer.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return d.line.over(conn), nil
}
