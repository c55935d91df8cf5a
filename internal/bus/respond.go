package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-run/slipway"
)

const switchingProtocols = 101 // RFC 9110, 15.2.2

// respond sends what the handler gave, to its end.
func (x *exchange) respond(ctx context.Context, req *slipway.Request, resp *slipway.Response, err error) error {
	if err == nil && resp == nil {
		err = errNothing()
	}
	if err != nil {
		return x.sendError(err)
	}
	_, streams := req.Body.(*streamBody)
	if resp.Body == nil || !streams && small(resp) {
		return x.sendWhole(resp)
	}
	return x.sendStream(ctx, resp)
}

// errNothing is the mistake of a handler.
func errNothing() error {
	return slipway.Errorf(slipway.ErrInternal, "the handler gave neither a response nor an error")
}

// small says whether a response's body is waited for, to go with its head. While the
// request's body still streams it must not be, nor when the protocol is switched: the
// caller may need the head to go on.
func small(resp *slipway.Response) bool {
	return resp.Status != switchingProtocols && resp.Trailer == nil && inline(resp.Length)
}

// inline says whether a body of n bytes travels with its head; -1 is not known.
func inline(n int64) bool { return n >= 0 && n <= inlineBytes }

// sendWhole sends a response in one message.
func (x *exchange) sendWhole(resp *slipway.Response) error {
	buf := x.bus.buffers.take()
	defer x.bus.buffers.give(buf)
	*buf = appendResponse(*buf, resp, bodyFlags(resp.Body != nil, true))
	if resp.Body != nil {
		defer resp.Body.Close()
		var err error
		if *buf, err = appendBody(*buf, resp.Body, resp.Length); err != nil {
			return x.sendError(bodyError(err))
		}
	}
	return x.orError(x.send(kindHead, *buf))
}

// sendStream sends a response's head, and then its body as it comes.
func (x *exchange) sendStream(ctx context.Context, resp *slipway.Response) error {
	buf := x.bus.buffers.take()
	*buf = appendResponse(*buf, resp, bodyFlags(true, false))
	err := x.orError(x.send(kindHead, *buf))
	x.bus.buffers.give(buf)
	if err != nil {
		resp.Body.Close()
		return err
	}
	body := &closeOnce{ReadCloser: resp.Body}
	defer body.Close()
	defer context.AfterFunc(ctx, func() { body.Close() })() // a Read that hangs comes back
	if err := x.sendBody(body); err != nil {
		if ctx.Err() != nil {
			err = contextError(ctx)
		}
		return x.sendError(bodyError(err))
	}
	return x.sendEnd(resp.Trailer)
}

// orError sends an error in place of a head that is too large for NATS.
func (x *exchange) orError(err error) error {
	if !errors.Is(err, slipway.ErrTooLarge) {
		return err
	}
	x.sending.Lock()
	x.number-- // the head never left
	x.sending.Unlock()
	return x.sendError(err)
}

func bodyError(err error) error { return fmt.Errorf("read the response's body: %w", err) }
