package invoker

import (
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
)

const uploadBuffer = 32 << 10

// upload sends a body that is too long for one write, while the answer is waited for.
// A nil upload is one that is complete.
type upload struct {
	req     *slipway.Request
	c       *httpConn
	timeout time.Duration
	framing framing
	waiting atomic.Bool   // for the client
	done    chan struct{} // closed when it has ended
	err     error         // set before done is closed
}

func newUpload(req *slipway.Request, c *httpConn, timeout time.Duration, f framing) *upload {
	return &upload{req: req, c: c, timeout: timeout, framing: f, done: make(chan struct{})}
}

// run ends with the body, or with the connection: that is closed when the body breaks
// off, so that the process does not take it for complete.
func (u *upload) run() {
	defer close(u.done)
	if u.err = u.copy(); u.err != nil {
		u.c.closeWrite()
	}
}

// frame leaves room around the bytes of a chunk for its length and its end
// (RFC 9112, section 7.1).
const frame = len("ffffffff\r\n")

func (u *upload) copy() error {
	buf := make([]byte, frame+uploadBuffer+len("\r\n"))
	sent := int64(0)
	for {
		u.waiting.Store(true)
		n, err := u.req.Body.Read(buf[frame : frame+uploadBuffer])
		u.waiting.Store(false)
		if n > 0 {
			// What flows is no silence: the function gets its whole time again.
			_ = u.c.SetReadDeadline(time.Now().Add(u.timeout)) // a closed connection shows at the write
			if _, err := u.c.Write(u.piece(buf, n)); err != nil {
				return err
			}
			sent += int64(n)
		}
		switch {
		case err == io.EOF:
			return u.end(sent)
		case err != nil:
			return err
		}
	}
}

// piece is the n bytes of the body in buf as they go on the wire.
func (u *upload) piece(buf []byte, n int) []byte {
	if u.framing == counted {
		return buf[frame : frame+n]
	}
	var size [frame]byte
	head := append(strconv.AppendInt(size[:0], int64(n), 16), "\r\n"...)
	from := frame - len(head)
	copy(buf[from:], head)
	copy(buf[frame+n:], "\r\n")
	return buf[from : frame+n+2]
}

func (u *upload) end(sent int64) error {
	if u.framing == counted {
		if sent != u.req.Length {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	last := []byte("0\r\n")
	if u.req.Trailer != nil {
		for name, values := range onlyTrailing(u.req.Trailer()) {
			for _, v := range values {
				if sendable(name, v) {
					last = appendField(last, name, v)
				}
			}
		}
	}
	_, err := u.c.Write(append(last, "\r\n"...))
	return err
}

// complete says whether all of the body was sent.
func (u *upload) complete() bool {
	if u == nil {
		return true
	}
	select {
	case <-u.done:
		return u.err == nil
	default:
		return false
	}
}

// stalled says whether the client is what everybody waits for.
func (u *upload) stalled() bool { return u != nil && u.waiting.Load() }
