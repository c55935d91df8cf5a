package invoker

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// httpBody is the body of an answer as it comes. Its end, or Close, ends the exchange.
type httpBody struct {
	x    *exchange
	resp *http.Response
}

// Read waits at most the function's timeout for more.
func (b *httpBody) Read(p []byte) (int, error) {
	x := b.x
	if err := x.c.SetReadDeadline(time.Now().Add(x.timeout)); err != nil {
		return 0, b.broken(err)
	}
	n, err := b.resp.Body.Read(p)
	switch {
	case err == io.EOF:
		x.finish(!b.resp.Close, true)
	case err != nil:
		err = b.broken(err)
	}
	return n, err
}

// broken ends an exchange in the middle of an answer, and says why.
func (b *httpBody) broken(cause error) error {
	x, in := b.x, b.x.h.in
	switch {
	case x.ctx.Err() != nil:
		x.finish(false, true)
		return x.ctx.Err()
	case errors.Is(cause, os.ErrDeadlineExceeded):
		resp := in.fail(x.req.ID, timedOut(x.req.ID, x.timeout))
		x.replace()
		return resp.FunctionError
	case in.endsWithin(exitNotice):
		resp := in.crash(x.req.ID)
		x.finish(false, false)
		return resp.FunctionError
	default:
		x.finish(false, true)
		return badResponse("the answer broke off: %v", cause)
	}
}

// Close gives up what was not read: the connection is closed, which tells the process.
func (b *httpBody) Close() error {
	b.x.finish(false, true)
	return nil
}

// trailer is complete after the end of the body.
func (b *httpBody) trailer() slipway.Header { return onlyTrailing(slipway.Header(b.resp.Trailer)) }

// isNetError says whether err comes from the connection, not from what was read.
func isNetError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, net.ErrClosed)
}

// switched hands over the connection after a switch of protocols: what the client
// sends follows the head, and there is no timeout any more.
func (x *exchange) switched(out *slipway.Response) (*slipway.Response, error) {
	if err := x.c.SetDeadline(time.Time{}); err != nil {
		return x.broken(err)
	}
	out.Length, out.Body = -1, &tunnel{x}
	if body := x.req.Body; body != nil {
		go func() {
			_ = bus.Copy(x.c.Conn, body) // however it ends, nothing more is sent
			x.c.closeWrite()
		}()
	}
	return out, nil
}

// tunnel is what the process sends after a switch of protocols.
type tunnel struct{ x *exchange }

func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.x.c.br.Read(p)
	if err != nil {
		t.x.finish(false, true)
		if t.x.ctx.Err() == nil && (errors.Is(err, net.ErrClosed) || t.x.h.in.ended()) {
			err = io.EOF
		}
	}
	return n, err
}

func (t *tunnel) Close() error {
	t.x.finish(false, true)
	return nil
}
