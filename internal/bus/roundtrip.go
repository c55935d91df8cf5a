package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/slipway-run/slipway"
)

// RoundTrip sends req to whoever serves subject and gives the answer as soon as its
// head is there; both bodies may stream on. It closes req.Body, always. A Body whose
// Length is at most 64 KiB is read to its end first, and sent with the head; any other
// is read only after a handler has taken the request, and until the response has
// ended.
//
// The end of ctx ends the call at any time before the response's Body is read to its
// end or closed. An error of the handler arrives as *slipway.Error with its kind.
// ErrUnavailable: nobody serves subject, there is no connection, or the handler's
// process is gone. ErrTimeout: ctx's deadline passed.
func (b *Bus) RoundTrip(ctx context.Context, subject string, req *slipway.Request) (*slipway.Response, error) {
	if s := b.direct.find(subject); s != nil {
		if resp, err, taken := s.directly(ctx, req); taken {
			return resp, err
		}
	}
	x := b.newExchange(rand.Uint64(), b.callers)
	x.subject = subject
	if err := b.enter(x); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	if err := x.begin(ctx, req); err != nil {
		x.stop(err)
	}
	e := x.await(ctx)
	if e.err != nil {
		x.settle()
		return nil, e.err
	}
	resp, err := x.response(ctx, e.payload)
	if err != nil {
		x.abort(err)
		x.settle()
		return nil, err
	}
	return resp, nil
}

// begin sends the head of the request, and starts to send the body if it is not with it.
func (x *exchange) begin(ctx context.Context, req *slipway.Request) error {
	whole := req.Body == nil || comesWhole(req)
	if req.Body != nil && whole {
		defer req.Body.Close()
	}
	buf := x.bus.buffers.take()
	defer x.bus.buffers.give(buf)
	*buf = appendRequest(*buf, req, bodyFlags(req.Body != nil, whole), time.Now())
	if req.Body != nil && whole {
		var err error
		if *buf, err = appendBody(*buf, req.Body, req.Length); err != nil {
			return fmt.Errorf("read the request's body: %w", err)
		}
	}
	source := req.Body
	if !whole {
		source = &closeOnce{ReadCloser: req.Body}
		x.closeAtEnd(source)
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	x.grant.Store(1 + window) // the response's head is number 0
	if err := x.sendHead(*buf); err != nil {
		return err
	}
	if !whole {
		go x.upload(source, req.Trailer)
	}
	return nil
}

func (x *exchange) sendHead(b []byte) error {
	x.sending.Lock()
	defer x.sending.Unlock()
	putFrame(b, kindHead, x.call, x.number, x.grant.Load())
	x.number++
	return x.bus.publish(x.subject, x.inbox.subject, b)
}

// comesWhole says whether the body of req is sent with its head.
func comesWhole(req *slipway.Request) bool { return inline(req.Length) && req.Trailer == nil }

// upload sends the request's body. When the call ends meanwhile, that ends too.
func (x *exchange) upload(body io.ReadCloser, trailer func() slipway.Header) {
	defer body.Close()
	err := x.sendBody(body)
	if err == nil {
		err = x.sendEnd(trailer)
	} else {
		err = x.sendError(fmt.Errorf("read the request's body: %w", err))
	}
	if err != nil && x.going() {
		x.abort(err)
	}
}

func (x *exchange) going() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err == nil
}

// response makes a response of its head.
func (x *exchange) response(ctx context.Context, head []byte) (*slipway.Response, error) {
	resp, flags, inline, err := parseResponse(head)
	if err != nil {
		return nil, err
	}
	switch {
	case flags&flagBody == 0:
		x.stop(errOver)
		x.settle()
	case flags&flagComplete != 0:
		resp.Body = &inlineBody{inline}
		x.stop(errOver)
		x.settle()
	default:
		x.follow()
		body := &streamBody{x: x}
		body.unwatch = context.AfterFunc(ctx, func() { x.abort(contextError(ctx)) })
		resp.Body = body
	}
	if flags&flagTrailer != 0 {
		resp.Trailer = x.trailers
	}
	return resp, nil
}

func (x *exchange) trailers() slipway.Header {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.trailer
}

// appendBody reads the n bytes of a small body.
func appendBody(b []byte, body io.Reader, n int64) ([]byte, error) {
	at := len(b)
	b = slices.Grow(b, int(n))[:at+int(n)]
	if _, err := io.ReadFull(body, b[at:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return b, fmt.Errorf("it ended before its length of %d bytes: %w", n, io.ErrUnexpectedEOF)
	} else if err != nil {
		return b, err
	}
	return b, nil
}

// contextError is the error of a call whose context ended.
func contextError(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return slipway.Errorf(slipway.ErrTimeout, "there was no complete answer before the deadline: %w", cause)
	}
	return fmt.Errorf("the call was given up: %w", cause)
}
