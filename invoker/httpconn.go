package invoker

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
)

const (
	connBuffer = 4 << 10 // bytes read ahead; a small answer is in it whole
	maxHead    = 1 << 20 // bytes of an answer's head
	keptHead   = 8 << 10 // a larger buffer for heads is not kept with the connection
)

// httpConn is one connection to an instance, used for one exchange after the other.
type httpConn struct {
	net.Conn
	in   headLimit
	br   *bufio.Reader
	head []byte // of the request; reused
	kept bool   // it had an exchange before

	unasked []byte // how that began which came while nobody asked for anything
}

func newHTTPConn(c net.Conn) *httpConn {
	hc := &httpConn{Conn: c}
	hc.in.r = c
	hc.br = bufio.NewReaderSize(&hc.in, connBuffer)
	return hc
}

// headLimit bounds what a head may make the reader hold.
type headLimit struct {
	r    io.Reader
	left int // bytes; negative is no bound
	read int // bytes, of this exchange
}

var errHeadTooLarge = errors.New("the head of the answer is larger than 1 MiB")

func (l *headLimit) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, errHeadTooLarge
	}
	if l.left > 0 && len(p) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.Read(p)
	l.read += n
	if l.left > 0 {
		l.left -= n
	}
	return n, err
}

// readHead reads the head of an answer that wholeAnswer has left. Answers that
// only inform (1xx, RFC 9110, section 15.2) are skipped, save the one that switches
// protocols.
func (c *httpConn) readHead(method string) (*http.Response, error) {
	request := &http.Request{Method: method}
	for {
		c.in.left = maxHead
		resp, err := http.ReadResponse(c.br, request)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			c.in.left = -1
			return resp, nil
		}
	}
}

// stale says whether the other side has closed a kept connection, or sent what nobody
// asked for.
func (c *httpConn) stale() bool {
	if c.br.Buffered() > 0 {
		return true
	}
	sc, ok := c.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		var b [frameHead]byte
		n, err := syscall.Read(int(fd), b[:]) // the descriptor does not block
		quiet = errors.Is(err, syscall.EAGAIN)
		c.unasked = append(c.unasked, b[:max(n, 0)]...)
		return true
	})
	return err != nil || !quiet
}

// speaksHTTP2 says whether what came in answer is the beginning of HTTP/2.
func (c *httpConn) speaksHTTP2() bool {
	if first, err := c.br.Peek(1); err != nil || first[0] != 0 {
		return false
	}
	sent, _ := c.br.Peek(frameHead)
	return isSettings(sent)
}

// closeWrite says that nothing more will be sent.
func (c *httpConn) closeWrite() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // a broken connection shows when it is read
	}
}
