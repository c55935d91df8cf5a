package front

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// body makes r's body: what came with the head, and what follows.
func (c *conn) body(r *request) *body {
	if r.ContentLength == 0 {
		r.Body = http.NoBody
		return nil
	}
	b := &body{c: c, left: r.ContentLength}
	r.Body = b
	return b
}

// body is a request's body of known length. It is read by one goroutine at a time, and
// by none after the handler has returned.
type body struct {
	c     *conn
	left  int64
	ended atomic.Bool // the handler has returned
}

// Read has no deadline, as with net/http.
func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.ended.Load():
		return 0, http.ErrBodyReadAfterClose
	case b.left == 0:
		return 0, io.EOF
	}
	c := b.c
	if c.at == len(c.buf) {
		c.buf, c.at = c.buf[:0], 0
		if !c.deadline.IsZero() {
			c.deadline = time.Time{}
			_ = c.SetReadDeadline(c.deadline)
		}
		if err := c.fill(); err == io.EOF {
			return 0, io.ErrUnexpectedEOF
		} else if err != nil {
			return 0, err
		}
	}
	n := copy(p[:min(int64(len(p)), b.left)], c.buf[c.at:])
	c.at += n
	b.left -= int64(n)
	return n, nil
}

// Close does nothing: the end of the request does.
func (b *body) Close() error { return nil }

// done says whether the next request follows: what the handler has left is read, for
// otherwise the client may lose the answer with the connection.
func (b *body) done() bool {
	if b == nil {
		return true
	}
	b.ended.Store(true)
	c := b.c
	if int64(len(c.buf)-c.at) < b.left {
		c.allow(c.s.ReadHeaderTimeout, 0)
	}
	for b.left > 0 {
		if c.at == len(c.buf) {
			c.buf, c.at = c.buf[:0], 0
			if c.fill() != nil {
				return false
			}
		}
		n := min(b.left, int64(len(c.buf)-c.at))
		c.at += int(n)
		b.left -= n
	}
	return true
}
