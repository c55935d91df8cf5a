package invoker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// smallBody is a length up to which a body goes in one write with its head.
const smallBody = 16 << 10

// errStale says that a kept connection was closed by the process before it saw the
// request: the same request may go over another one.
var errStale = errors.New("the kept connection was closed")

// exchange is one request and its answer on one connection.
type exchange struct {
	ctx     context.Context
	h       *httpRunner
	c       *httpConn
	req     *slipway.Request
	framing framing
	timeout time.Duration
	release func(reuse bool)
	unwatch func() bool // stops waiting for the end of ctx
	upload  *upload     // the rest of the request's body; nil when there is none
	over    sync.Once
}

func newExchange(ctx context.Context, h *httpRunner, c *httpConn, req *slipway.Request, release func(bool)) *exchange {
	return &exchange{
		ctx: ctx, h: h, c: c, req: req, framing: framingOf(req),
		timeout: h.in.spec.Config.Timeout.D(), release: release,
		unwatch: context.AfterFunc(ctx, func() { c.Close() }),
	}
}

// do sends the request and reads the head of the answer. With errStale nothing has
// happened and the lease is still held.
func (x *exchange) do() (*slipway.Response, error) {
	x.h.in.begin(x.req.ID)
	if err := x.c.SetReadDeadline(time.Now().Add(x.timeout)); err != nil {
		return x.broken(err)
	}
	if err := x.send(); err != nil {
		return x.broken(err)
	}
	if resp := x.c.wholeAnswer(x.req.Method); resp != nil {
		x.h.sawHTTP1()
		x.finish(true, true)
		return resp, nil
	}
	if x.c.speaksHTTP2() {
		return x.turnToHTTP2()
	}
	resp, err := x.c.readHead(x.req.Method)
	if err != nil {
		if x.unanswered(err) && x.h.provesHTTP2(x.ctx) {
			return x.turnToHTTP2()
		}
		return x.broken(err)
	}
	x.h.sawHTTP1()
	return x.answer(resp)
}

// unanswered says whether the process closed a new connection without a word.
func (x *exchange) unanswered(err error) bool {
	return !x.c.kept && x.c.in.read == 0 && x.ctx.Err() == nil && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isNetError(err)) && !x.h.in.ended()
}

func (h *httpRunner) sawHTTP1() {
	if !h.answersHTTP1.Load() { // a write would be felt by the other processors
		h.answersHTTP1.Store(true)
	}
}

// turnToHTTP2 has found out that the process speaks nothing but HTTP/2. To it the
// request was no valid beginning of a connection, so it can be sent again, if it is
// still there.
func (x *exchange) turnToHTTP2() (*slipway.Response, error) {
	x.h.onlyHTTP2.Store(true)
	if x.upload != nil || x.framing == raw {
		x.finish(false, true)
		return nil, unavailable("the instance turned out to speak HTTP/2 only, when a part of the body had been sent; try again")
	}
	x.unwatch()
	x.c.Close()
	if x.framing == counted {
		req := *x.req
		req.Body = &wholeBody{x.c.head[len(x.c.head)-int(req.Length):]}
		x.req = &req
	}
	return x.h.runHTTP2(x.ctx, x.req, x.release)
}

// send writes the head, with the body when that is small; a longer body follows while
// the answer is waited for.
func (x *exchange) send() error {
	b := appendHead(x.c.head[:0], x.req, x.framing)
	if x.framing == counted && x.req.Length <= smallBody {
		at := len(b)
		b = append(b, make([]byte, x.req.Length)...)
		if _, err := io.ReadFull(x.req.Body, b[at:]); err != nil {
			return &clientError{err}
		}
	}
	x.c.head = b
	if _, err := x.c.Write(b); err != nil {
		return err
	}
	if x.framing == chunked || x.framing == counted && x.req.Length > smallBody {
		x.upload = newUpload(x.req, x.c, x.timeout, x.framing)
		go x.upload.run()
	}
	return nil
}

// clientError is a failure of the client's body.
type clientError struct{ cause error }

func (e *clientError) Error() string { return "the body of the request broke off: " + e.cause.Error() }

// broken is the outcome of an exchange that has no answer.
func (x *exchange) broken(cause error) (*slipway.Response, error) {
	in, id := x.h.in, x.req.ID
	if x.replayable() && !in.endsWithin(replayNotice) {
		x.unwatch()
		x.c.Close()
		return nil, errStale
	}
	var client *clientError
	switch {
	case x.ctx.Err() != nil:
		x.finish(false, true)
		return nil, x.ctx.Err()
	case errors.As(cause, &client):
		x.finish(false, true)
		return nil, slipway.Errorf(slipway.ErrInvalid, "%w", cause)
	case errors.Is(cause, os.ErrDeadlineExceeded) && x.upload.stalled():
		x.finish(false, true)
		return nil, slipway.Errorf(slipway.ErrTimeout, "the client sent nothing of the body for %s", x.timeout)
	case errors.Is(cause, os.ErrDeadlineExceeded):
		resp := in.fail(id, timedOut(id, x.timeout))
		x.replace()
		return resp, nil
	case !malformed(cause) && in.endsWithin(exitNotice):
		resp := in.crash(id)
		x.finish(false, false)
		return resp, nil
	}
	resp := in.fail(id, badResponse("the process gave no valid HTTP answer: %v", cause))
	x.finish(false, true)
	return resp, nil
}

// replayable says whether the request can be sent again: a kept connection ended
// without a byte of an answer, most likely before the request came, and doing it twice
// would do no harm (RFC 9110, section 9.2.2).
func (x *exchange) replayable() bool {
	if !x.c.kept || x.c.in.read > 0 || x.ctx.Err() != nil || x.framing != noBody {
		return false
	}
	switch x.req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// malformed says whether the process sent something that is no answer.
func malformed(err error) bool {
	return !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !isNetError(err)
}

// answer turns the head into a Response. A small body that has come with it is taken
// out at once, so that the instance is free before anybody reads it.
func (x *exchange) answer(resp *http.Response) (*slipway.Response, error) {
	out := &slipway.Response{Status: resp.StatusCode, Header: answerHeader(resp), Length: resp.ContentLength}
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return x.switched(out)
	case resp.Body == http.NoBody:
		out.Length = 0
		x.finish(!resp.Close, true)
	case resp.ContentLength >= 0 && resp.ContentLength <= int64(x.c.br.Buffered()):
		body := make([]byte, resp.ContentLength)
		if _, err := io.ReadFull(resp.Body, body); err != nil {
			return x.broken(err)
		}
		x.finish(!resp.Close, true)
		out.Body = &wholeBody{body}
	default:
		body := &httpBody{x: x, resp: resp}
		announce(out.Header, resp.Trailer)
		out.Body, out.Trailer = body, body.trailer
	}
	return out, nil
}

// finish ends the exchange: the connection is kept or closed, the lease given back.
func (x *exchange) finish(keep, reuse bool) {
	x.over.Do(func() {
		keep = x.unwatch() && keep && x.upload.complete()
		x.h.in.end()
		if keep {
			x.c.kept = true
			x.h.keep(x.c)
		} else {
			x.c.Close()
		}
		if x.req.Body != nil {
			x.req.Body.Close()
		}
		x.release(reuse)
	})
}

// replace ends an exchange whose function did not answer in time. The instance takes
// nothing new; it is killed when no other event is in it.
func (x *exchange) replace() {
	if x.h.in.alone() {
		x.h.in.kill()
	}
	x.finish(false, false)
}
