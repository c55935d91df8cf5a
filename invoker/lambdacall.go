package invoker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/runtimeapi"
)

// call is one event that the process has, or will have.
type call struct {
	l       *lambdaRunner
	req     *slipway.Request
	work    context.Context // the event's own time, whoever waits for it
	cancel  context.CancelFunc
	release func(bool)
	over    sync.Once
}

// respond turns what became of the event into a Response.
func (c *call) respond(o outcome) (*slipway.Response, error) {
	in, id := c.l.in, c.req.ID
	switch {
	case errors.Is(o.err, context.DeadlineExceeded):
		return c.timedOut(), nil
	case o.err != nil: // the Runtime API is closed: the process has ended
		if !in.endsWithin(exitNotice) {
			c.finish(false)
			return nil, slipway.Errorf(slipway.ErrUnavailable, "the instance was stopped: %w", o.err)
		}
		resp := in.crash(id)
		c.finish(false)
		return resp, nil
	case o.result.Error != nil:
		resp := in.fail(id, o.result.Error)
		c.finish(true)
		return resp, nil
	case o.result.Stream != nil:
		return c.streamed(o.result)
	}
	resp, err := c.buffered(o.result)
	c.finish(true)
	return resp, err
}

// timedOut ends an event whose time is over; the process is of no use any more.
func (c *call) timedOut() *slipway.Response {
	in, id := c.l.in, c.req.ID
	resp := in.fail(id, timedOut(id, in.spec.Config.Timeout.D()))
	in.abort(runtimeapi.ReasonTimeout)
	c.finish(false)
	return resp
}

func (c *call) buffered(r *runtimeapi.Result) (*slipway.Response, error) {
	if c.req.Mode != slipway.ModeHTTP {
		return whole(http.StatusOK, resultHeader(r), r.Payload), nil
	}
	resp, err := decodeHTTPAnswer(r.Payload)
	if err != nil {
		return c.l.in.fail(c.req.ID, badResponse("%v", err)), nil
	}
	return resp, nil
}

func resultHeader(r *runtimeapi.Result) slipway.Header {
	if r.ContentType == "" {
		return slipway.Header{"Content-Type": {jsonType}}
	}
	return slipway.Header{"Content-Type": {r.ContentType}}
}

func (c *call) streamed(r *runtimeapi.Result) (*slipway.Response, error) {
	body := &callBody{stream: r.Stream, c: c}
	if wantsTail(c.req) {
		return c.collected(r, body)
	}
	if c.req.Mode != slipway.ModeHTTP || !strings.HasPrefix(r.ContentType, runtimeapi.IntegrationType) {
		return &slipway.Response{Status: http.StatusOK, Header: resultHeader(r), Length: -1, Body: body}, nil
	}
	resp, err := readPrelude(body)
	if err != nil {
		body.Close()
		return c.l.in.fail(c.req.ID, badResponse("%v", err)), nil
	}
	return resp, nil
}

// collected is a streamed answer whose caller wants to know what was printed meanwhile: it
// is held back until its end, as far as a buffered one may be long.
func (c *call) collected(r *runtimeapi.Result, body *callBody) (*slipway.Response, error) {
	held, err := io.ReadAll(io.LimitReader(body, maxPayload))
	var failure *slipway.FunctionError
	switch {
	case errors.As(err, &failure):
		return &slipway.Response{FunctionError: failure, LogTail: c.l.in.logTail()}, nil
	case err != nil:
		return nil, slipway.Errorf(slipway.ErrUnavailable, "read the streamed answer: %w", err)
	case len(held) < maxPayload:
		return whole(http.StatusOK, resultHeader(r), held), nil
	}
	return &slipway.Response{Status: http.StatusOK, Header: resultHeader(r), Length: -1,
		Body: readCloser{io.MultiReader(bytes.NewReader(held), body), body}}, nil
}

// discard waits for an answer that nobody wants.
func (c *call) discard(answered <-chan outcome) {
	resp, _ := c.respond(<-answered)
	if resp != nil && resp.Body != nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// finish gives the instance back, when its extensions are done with the event as well.
func (c *call) finish(reuse bool) {
	c.over.Do(func() {
		c.l.in.output.CatchUp() // what was printed belongs to this event
		c.l.in.end()
		if !reuse || !c.l.api.Extended() {
			c.cancel()
			c.release(reuse)
			return
		}
		go c.settle()
	})
}

// settle waits for the extensions. The time of the event is theirs, too.
func (c *call) settle() {
	defer c.cancel()
	settled := c.l.api.Settle(c.work)
	if !settled {
		c.l.in.abort(runtimeapi.ReasonTimeout)
	}
	c.release(settled)
}

// callBody is a streamed answer; its end ends the call.
type callBody struct {
	stream runtimeapi.Stream
	c      *call
	ended  atomic.Bool
}

func (b *callBody) Read(p []byte) (int, error) {
	n, err := b.stream.Read(p)
	if err == nil {
		return n, nil
	}
	b.ended.Store(true)
	switch {
	case err == io.EOF:
		b.c.finish(true)
	case errors.Is(b.c.work.Err(), context.DeadlineExceeded):
		err = b.c.timedOut().FunctionError
	case b.c.l.in.endsWithin(exitNotice):
		err = b.c.l.in.crash(b.c.req.ID).FunctionError
		b.c.finish(false)
	default:
		b.c.finish(true)
	}
	return n, err
}

// Close has the rest of the answer thrown away; the instance is busy until the process
// has sent it, or its time is over.
func (b *callBody) Close() error {
	if !b.ended.Swap(true) {
		go func() { _, _ = io.Copy(io.Discard, b) }()
	}
	return nil
}
