package invoker

import (
	"io"
	"maps"
	"net/http"
	"sync/atomic"

	"github.com/slipway-run/slipway"
)

// http2Body is the body of an answer as it comes. Its end, or Close, ends the exchange.
type http2Body struct {
	x    *http2Exchange
	resp *http.Response
}

// Read waits at most the function's timeout for more.
func (b *http2Body) Read(p []byte) (int, error) {
	b.x.silence.begin()
	n, err := b.resp.Body.Read(p)
	b.x.silence.end()
	switch {
	case err == io.EOF:
		b.x.finish(true)
	case err != nil:
		failed, cause := b.x.failure(err)
		if cause == nil {
			cause = failed.FunctionError
		}
		err = cause
	}
	return n, err
}

// Close gives up what was not read: the stream is reset, which tells the process.
func (b *http2Body) Close() error {
	b.x.finish(true)
	return b.resp.Body.Close()
}

// trailer is complete after the end of the body.
func (b *http2Body) trailer() slipway.Header { return onlyTrailing(slipway.Header(b.resp.Trailer)) }

// http2Upload is the body of a request as the client of net/http reads it.
type http2Upload struct {
	x       *http2Exchange
	trailer http.Header // to be filled at the end; nil when none is announced
	waiting atomic.Bool // for the client
	broken  atomic.Pointer[error]
}

func (u *http2Upload) Read(p []byte) (int, error) {
	u.waiting.Store(true)
	n, err := u.x.req.Body.Read(p)
	u.waiting.Store(false)
	u.x.silence.broke()
	switch {
	case err == io.EOF:
		u.fill()
	case err != nil && u.x.stream.Err() == nil: // else it was closed because the stream had ended
		err = &clientError{err}
		u.broken.CompareAndSwap(nil, &err)
	}
	return n, err
}

// fill gives the trailer its values.
func (u *http2Upload) fill() {
	if u.trailer == nil {
		return
	}
	come := onlyTrailing(u.x.req.Trailer())
	maps.DeleteFunc(come, func(name string, _ []string) bool { _, announced := u.trailer[name]; return !announced })
	maps.Copy(u.trailer, come)
}

func (u *http2Upload) Close() error { return u.x.req.Body.Close() }
