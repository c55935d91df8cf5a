package invoker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/slipway-run/slipway"
)

// http2Exchange is one request and its answer on a stream of HTTP/2.
type http2Exchange struct {
	ctx     context.Context // of the event
	h       *httpRunner
	req     *slipway.Request
	stream  context.Context // ends the stream
	cancel  context.CancelCauseFunc
	silence *silence
	upload  *http2Upload
	release func(reuse bool)
	over    sync.Once
}

// runHTTP2 is run for an event that goes over HTTP/2. The timeout means the same.
func (h *httpRunner) runHTTP2(ctx context.Context, req *slipway.Request, release func(bool)) (*slipway.Response, error) {
	if upgrade(req.Header) != "" {
		release(true)
		return nil, slipway.Errorf(slipway.ErrInvalid, "the function speaks HTTP/2 only, on which protocols are not switched")
	}
	x := &http2Exchange{ctx: ctx, h: h, req: req, release: release}
	x.stream, x.cancel = context.WithCancelCause(ctx)
	x.silence = newSilence(h.in.spec.Config.Timeout.D(), x.silent)
	x.upload = &http2Upload{x: x}
	h.in.begin(req.ID)
	x.silence.begin()
	resp, err := h.http2.RoundTrip(http2Request(x.stream, req, x.upload))
	x.silence.end()
	if err != nil {
		return x.broken(err)
	}
	return x.answer(resp)
}

var (
	errSilentProcess = errors.New("the process was silent for too long")
	errSilentClient  = errors.New("the client was silent for too long")
)

// silent ends the stream because of whoever was waited for in vain.
func (x *http2Exchange) silent() {
	if x.upload.waiting.Load() {
		x.cancel(errSilentClient)
	} else {
		x.cancel(errSilentProcess)
	}
}

// answer turns the head into a Response. One without a body ends the exchange.
func (x *http2Exchange) answer(resp *http.Response) (*slipway.Response, error) {
	out := &slipway.Response{Status: resp.StatusCode, Header: answerHeader(resp), Length: resp.ContentLength}
	if x.req.Method == http.MethodHead {
		out.Length = 0
		x.finish(true)
		return out, nil
	}
	body := &http2Body{x: x, resp: resp}
	if out.Length == 0 { // the stream has ended, or a trailer follows
		if _, err := body.Read(make([]byte, 1)); err == io.EOF && len(resp.Trailer) == 0 {
			return out, nil
		}
		out.Length = -1
	}
	announce(out.Header, resp.Trailer)
	out.Body, out.Trailer = body, body.trailer
	return out, nil
}

// broken is the outcome of an exchange that has no answer.
func (x *http2Exchange) broken(cause error) (*slipway.Response, error) {
	var dial *dialError
	if errors.As(cause, &dial) {
		x.end()
		return x.h.noConn(x.ctx, x.req, false, dial.cause, x.release)
	}
	failure, err := x.failure(cause)
	if err != nil {
		return nil, err
	}
	return failure, nil
}

// failure ends the exchange, and says whose fault that is.
func (x *http2Exchange) failure(cause error) (*slipway.Response, error) {
	in, id, timeout := x.h.in, x.req.ID, x.silence.limit
	ended := context.Cause(x.stream)
	client := x.upload.broken.Load()
	switch {
	case x.ctx.Err() != nil:
		x.finish(true)
		return nil, x.ctx.Err()
	case client != nil:
		x.finish(true)
		return nil, slipway.Errorf(slipway.ErrInvalid, "%w", *client)
	case errors.Is(ended, errSilentClient):
		x.finish(true)
		return nil, slipway.Errorf(slipway.ErrTimeout, "the client sent nothing of the body for %s", timeout)
	case errors.Is(ended, errSilentProcess):
		resp := in.fail(id, timedOut(id, timeout))
		x.replace()
		return resp, nil
	case in.endsWithin(exitNotice):
		resp := in.crash(id)
		x.finish(false)
		return resp, nil
	}
	resp := in.fail(id, badResponse("the process gave no valid answer over HTTP/2: %v", cause))
	x.finish(true)
	return resp, nil
}

// finish ends the exchange: its stream is reset unless it has ended, the lease given back.
func (x *http2Exchange) finish(reuse bool) {
	if x.end() {
		x.release(reuse)
	}
}

// end is finish without the lease; false when it has happened already.
func (x *http2Exchange) end() (first bool) {
	x.over.Do(func() {
		first = true
		x.cancel(nil)
		x.silence.stop()
		x.h.in.end()
		if x.req.Body != nil {
			x.req.Body.Close()
		}
	})
	return first
}

// replace is the same as with HTTP/1.1.
func (x *http2Exchange) replace() {
	if x.h.in.alone() {
		x.h.in.kill()
	}
	x.finish(false)
}
