package invoker

import (
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
		c.finish(true)
		return in.fail(id, o.result.Error), nil
	case o.result.Stream != nil:
		return c.streamed(o.result)
	}
	c.finish(true)
	return c.buffered(o.result)
}

// timedOut ends an event whose time is over; the process is of no use any more.
func (c *call) timedOut() *slipway.Response {
	in, id := c.l.in, c.req.ID
	resp := in.fail(id, timedOut(id, in.spec.Config.Timeout.D()))
	in.kill()
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

// discard waits for an answer that nobody wants.
func (c *call) discard(answered <-chan outcome) {
	resp, _ := c.respond(<-answered)
	if resp != nil && resp.Body != nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func (c *call) finish(reuse bool) {
	c.over.Do(func() {
		c.cancel()
		c.l.in.end()
		c.release(reuse)
	})
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
