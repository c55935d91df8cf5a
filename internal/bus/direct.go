package bus

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/slipway-run/slipway"
)

// A call of a subject that the same process serves does not leave it: the caller's own
// goroutine runs the handler, and bodies are read where they come from. What both sides
// see is the same as over NATS: who ends what, which errors, and that small bodies are
// whole before they are handed on.

// direct is the table of what this process serves, by subject.
type direct struct{ subjects sync.Map } // string -> *Subscription

func (d *direct) find(subject string) *Subscription {
	s, ok := d.subjects.Load(subject)
	if !ok {
		return nil
	}
	return s.(*Subscription)
}

// add makes s the one that gets the direct calls, if nobody else in this process is.
func (d *direct) add(s *Subscription) { d.subjects.LoadOrStore(s.subject, s) }

func (d *direct) remove(s *Subscription) { d.subjects.CompareAndDelete(s.subject, s) }

// directCall is a call that a subscription answers without NATS.
type directCall struct {
	s      *Subscription
	ctx    context.Context // the handler's
	cancel context.CancelCauseFunc
	expire context.CancelFunc // of the deadline; nil when there is none
	source io.Closer          // the request's body; nil when it has none that streams
	over   atomic.Bool
}

// directly answers req, unless the subscription takes no more calls.
func (s *Subscription) directly(ctx context.Context, req *slipway.Request) (resp *slipway.Response, err error, taken bool) {
	c := &directCall{s: s, ctx: ctx}
	if !req.Deadline.IsZero() {
		c.ctx, c.expire = context.WithDeadline(c.ctx, req.Deadline)
	}
	c.ctx, c.cancel = context.WithCancelCause(c.ctx)
	if !s.admit(c) {
		c.release(nil)
		return nil, nil, false
	}
	resp, err = c.run(req)
	return resp, err, true
}

func (c *directCall) run(req *slipway.Request) (*slipway.Response, error) {
	if c.s.busy.Add(1) > int32(c.s.bus.cfg.MaxCalls) {
		return nil, c.fail(req, c.s.errBusy())
	}
	if c.ctx.Err() != nil {
		return nil, c.fail(req, contextError(c.ctx))
	}
	if err := c.s.bus.fits(req.Header); err != nil {
		return nil, c.fail(req, err)
	}
	req, err := c.take(req)
	if err != nil {
		return nil, c.fail(req, err)
	}
	resp, err := c.s.call(c.ctx, req)
	switch {
	case err == nil && resp == nil:
		err = errNothing()
	case err == nil:
		if err = c.s.bus.fits(resp.Header); err != nil && resp.Body != nil {
			resp.Body.Close()
		}
	}
	if err != nil {
		return nil, c.fail(req, c.crossing(err))
	}
	return c.answer(req, resp)
}

// take gives the request as the handler sees it.
func (c *directCall) take(req *slipway.Request) (*slipway.Request, error) {
	if req.Body == nil {
		return req, nil
	}
	r := *req
	if !comesWhole(req) {
		source := &closeOnce{ReadCloser: req.Body}
		c.source = source
		r.Body = &directSource{call: c, source: source}
		return &r, nil
	}
	whole, err := appendBody(nil, req.Body, req.Length)
	if err != nil {
		return req, fmt.Errorf("read the request's body: %w", err)
	}
	req.Body.Close()
	r.Body = &inlineBody{whole}
	return &r, nil
}

// answer gives the response as the caller sees it.
func (c *directCall) answer(req *slipway.Request, resp *slipway.Response) (*slipway.Response, error) {
	switch {
	case resp.Body == nil:
		resp.Trailer = nil
		c.end()
		return resp, nil
	case c.source == nil && small(resp):
		whole, err := appendBody(nil, resp.Body, resp.Length)
		resp.Body.Close()
		if err != nil {
			return nil, c.fail(req, c.crossing(bodyError(err)))
		}
		c.end()
		resp.Body = &inlineBody{whole}
		return resp, nil
	}
	body := &directBody{call: c, body: &closeOnce{ReadCloser: resp.Body}}
	body.unwatch = context.AfterFunc(c.ctx, func() { body.body.Close() }) // a Read that hangs comes back
	resp.Body = body
	return resp, nil
}

// fits refuses a head that NATS would refuse: what works in one process works in a
// cluster.
func (b *Bus) fits(h slipway.Header) error {
	n := 0
	for name, values := range h {
		n += len(name)
		for _, v := range values {
			n += len(v)
		}
	}
	if n > chunkBytes && int64(n) > b.calls.MaxPayload() {
		return b.errTooLarge(n)
	}
	return nil
}

// crossing is an error of the handler as the caller gets it: its kind, its text, and
// when to try again. After the end of the context that is the reason.
func (c *directCall) crossing(err error) error {
	if c.ctx.Err() != nil {
		return contextError(c.ctx)
	}
	return &slipway.Error{Kind: slipway.KindOf(slipway.Code(err)), Message: err.Error(), RetryAfter: slipway.RetryAfter(err)}
}

// fail ends a call that has no response.
func (c *directCall) fail(req *slipway.Request, err error) error {
	c.end()
	if c.source == nil && req.Body != nil {
		req.Body.Close()
	}
	return err
}

// end is the end of the call, for whatever reason.
func (c *directCall) end() {
	if c.over.Swap(true) {
		return
	}
	c.release(errOver)
	if c.source != nil {
		go c.source.Close() // may wait for a Read that hangs
	}
	c.s.busy.Add(-1)
	c.s.leave(c)
}

func (c *directCall) release(cause error) {
	c.cancel(cause)
	if c.expire != nil {
		c.expire()
	}
}

// directSource is a request's body that streams, as the handler reads it.
type directSource struct {
	call   *directCall
	source io.Reader
}

func (b *directSource) Read(p []byte) (int, error) {
	if b.call.over.Load() {
		return 0, errOver
	}
	n, err := b.source.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read the request's body: %w", err)
	}
	return n, err
}

// Close ends only the reading.
func (b *directSource) Close() error { return nil }

// directBody is a response's body that streams, as the caller reads it.
type directBody struct {
	call    *directCall
	body    io.ReadCloser
	unwatch func() bool
	err     error
}

func (b *directBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.body.Read(p)
	if err == nil {
		return n, nil
	}
	if b.err = err; err != io.EOF {
		b.err = b.call.crossing(bodyError(err))
	}
	b.finish()
	return n, b.err
}

// Close ends the whole call. It may be called while something reads.
func (b *directBody) Close() error {
	b.finish()
	return nil
}

func (b *directBody) finish() {
	b.unwatch()
	b.body.Close()
	b.call.end()
}

// admit counts a call; false means that no more are taken.
func (s *Subscription) admit(c *directCall) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.direct[c] = struct{}{}
	s.workers.Add(1)
	return true
}

func (s *Subscription) leave(c *directCall) {
	s.mu.Lock()
	delete(s.direct, c)
	s.mu.Unlock()
	s.workers.Done()
}

// refuseDirect has direct calls go over NATS, which says that nobody is there.
func (s *Subscription) refuseDirect() {
	s.bus.direct.remove(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// abortDirect ends the contexts of the direct calls that still run.
func (s *Subscription) abortDirect(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.direct {
		c.cancel(cause)
	}
}
