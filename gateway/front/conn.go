package front

import (
	"bytes"
	"context"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// The states of a connection.
const (
	idle   int32 = iota // nothing of a request was read
	active              // a request is read or answered
	closed
)

// conn is one connection, as long as its requests are plain.
type conn struct {
	net.Conn
	s      *Server
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	base   *http.Request // with ctx and the client's address
	state  atomic.Int32
	watch  watch

	buf      []byte // what was read and not used is buf[at:]
	at       int
	deadline time.Time // of reading, as it is set
	served   bool      // a request
	out      []byte    // answers are made in it
}

// readBuffer is the first size of a connection's buffer; most heads are smaller.
const readBuffer = 2 << 10

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{Conn: nc, s: s, buf: make([]byte, 0, readBuffer)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.base = (&http.Request{RemoteAddr: nc.RemoteAddr().String()}).WithContext(c.ctx)
	c.watch.init(nc, c.cancel)
	return c
}

// closeIdle closes a connection on which nothing happens.
func (c *conn) closeIdle() {
	if c.state.CompareAndSwap(idle, closed) {
		c.Close()
	}
}

// serve serves one request after the other. A connection that goes to the server behind
// is no longer ours.
func (c *conn) serve() {
	defer c.cancel()
	for {
		r, verdict := c.next()
		switch verdict {
		case gone:
			c.Close()
			return
		case notPlain:
			c.handOver()
			return
		}
		if !c.answer(r) || c.s.closing.Load() || !c.state.CompareAndSwap(active, idle) {
			c.Close()
			return
		}
		if c.s.closing.Load() { // it began between the two
			c.closeIdle()
		}
	}
}

// verdict is what became of the wait for a request.
type verdict int

const (
	plain verdict = iota
	notPlain
	gone
)

// next waits for a request.
func (c *conn) next() (*request, verdict) {
	c.buf = append(c.buf[:0], c.buf[c.at:]...)
	c.at = 0
	begun := false
	for {
		if len(c.buf) > 0 {
			if !begun && !c.state.CompareAndSwap(idle, active) {
				return nil, gone
			}
			r, n := parse(c.buf, c.base)
			switch {
			case n < 0:
				return nil, notPlain
			case n > 0 && !c.s.Takes(&r.Request):
				return nil, notPlain
			case n > 0:
				c.at = n
				return r, plain
			}
			if !begun { // the rest of the head has a time of its own
				begun = true
				c.allow(c.s.ReadHeaderTimeout, 0)
			}
		} else if c.served {
			c.allow(c.s.IdleTimeout, c.s.IdleTimeout/16)
		} else {
			c.allow(c.s.ReadHeaderTimeout, 0)
		}
		if err := c.fill(); err != nil {
			return nil, gone
		}
	}
}

// allow sets the deadline of reading to limit from now. An earlier one that is sooner by
// no more than slack is left: setting it costs, and between requests it is not exact.
func (c *conn) allow(limit, slack time.Duration) {
	if limit == 0 {
		return
	}
	at := time.Now().Add(limit)
	if ahead := at.Sub(c.deadline); ahead >= 0 && ahead <= slack {
		return
	}
	c.deadline = at
	_ = c.SetReadDeadline(at) // a closed connection shows at the read
}

// fill reads once.
func (c *conn) fill() error {
	if len(c.buf) == cap(c.buf) {
		c.buf = append(c.buf, make([]byte, len(c.buf))...)[:len(c.buf)]
	}
	n, err := c.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf = c.buf[:len(c.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// handOver gives the connection to the server behind.
func (c *conn) handOver() {
	if c.SetReadDeadline(time.Time{}) != nil {
		c.Close()
		return
	}
	select {
	case c.s.handed <- &begun{Conn: c.Conn, read: bytes.Clone(c.buf[c.at:])}:
	case <-c.s.done:
		c.Close()
	}
}

// answer has the handler answer r; false means that the connection can serve no more.
func (c *conn) answer(r *request) (more bool) {
	w := &response{conn: c, request: &r.Request, header: http.Header{}, length: -1}
	body := c.body(r)
	c.served = true
	c.watch.begin()
	defer func() {
		if c.watch.end() {
			c.deadline = time.Time{} // it was used to end the watch
		}
		if p := recover(); p != nil {
			more = false
			c.panicked(p)
		}
	}()
	c.s.Handler.ServeHTTP(w, &r.Request)
	return w.finish() && body.done() && c.ctx.Err() == nil
}

func (c *conn) panicked(p any) {
	if p == http.ErrAbortHandler {
		return
	}
	const text = "front: panic serving %s: %v\n%s"
	if c.s.ErrorLog != nil {
		c.s.ErrorLog.Printf(text, c.base.RemoteAddr, p, debug.Stack())
	} else {
		log.Printf(text, c.base.RemoteAddr, p, debug.Stack())
	}
}
