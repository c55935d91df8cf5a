package invoker

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/slipway-run/slipway"
)

// httpRunner speaks HTTP/1.1 with a process that listens on $PORT, over connections
// that are kept; and HTTP/2, see http2.go.
type httpRunner struct {
	in      *instance
	address string
	http2   *http.Transport

	onlyHTTP2    atomic.Bool // the process has shown that it speaks nothing else
	answersHTTP1 atomic.Bool // it has shown the contrary

	mu     sync.Mutex  // guards what follows
	idle   []*httpConn // the one used last at the end
	closed bool
}

func newHTTPRunner(in *instance, f found) *httpRunner {
	h := &httpRunner{in: in, address: f.address, http2: newHTTP2(in, f.address)}
	h.keep(newHTTPConn(f.conn)) // a server of one connection at a time waits on this one
	return h
}

// run implements runner. The timeout bounds the time to the head of the answer, and
// then every silence; uploads and answers that flow may take longer.
func (h *httpRunner) run(ctx context.Context, req *slipway.Request, release func(bool)) (*slipway.Response, error) {
	if req.Mode == slipway.ModeInvoke {
		req = invokeOverHTTP(req)
	}
	if err := checkHead(req); err != nil {
		release(true)
		return nil, err
	}
	for sent := false; ; sent = true {
		if h.onlyHTTP2.Load() || isGRPC(req) {
			return h.runHTTP2(ctx, req, release)
		}
		c, err := h.conn(ctx)
		if errors.Is(err, errOnlyHTTP2) {
			continue
		}
		if err != nil {
			return h.noConn(ctx, req, sent, err, release)
		}
		x := newExchange(ctx, h, c, req, release)
		resp, err := x.do()
		if !errors.Is(err, errStale) {
			return resp, err
		}
	}
}

// invokeOverHTTP makes a call of the API a request that a server can answer. The key of
// the caller is no business of the function.
func invokeOverHTTP(req *slipway.Request) *slipway.Request {
	r := *req
	r.Method, r.Target = http.MethodPost, "/"
	r.Header = maps.Clone(req.Header)
	for _, name := range [...]string{"Authorization", "Cookie", "Connection", "Upgrade"} {
		delete(r.Header, name)
	}
	return &r
}

// noConn is the outcome when no connection can be made. When the request was sent
// before, it may be what ended the process.
func (h *httpRunner) noConn(ctx context.Context, req *slipway.Request, sent bool, err error, release func(bool)) (*slipway.Response, error) {
	switch {
	case ctx.Err() != nil:
		release(true)
		return nil, ctx.Err()
	case h.in.endsWithin(exitNotice) && sent:
		resp := h.in.crash(req.ID)
		release(false)
		return resp, nil
	case h.in.ended():
		release(false)
		return nil, errGone
	default:
		release(false)
		return h.in.fail(req.ID, badResponse("the process does not accept connections any more: %v", err)), nil
	}
}

var errOnlyHTTP2 = errors.New("the process speaks HTTP/2 only")

// conn is a kept connection that is still good, or a new one.
func (h *httpRunner) conn(ctx context.Context) (*httpConn, error) {
	for c := h.take(); c != nil; c = h.take() {
		if !c.stale() {
			return c, nil
		}
		c.Close()
		if isSettings(c.unasked) {
			h.onlyHTTP2.Store(true)
			return nil, errOnlyHTTP2
		}
	}
	conn, err := h.in.dial(ctx, h.address)
	if err != nil {
		return nil, err
	}
	return newHTTPConn(conn), nil
}

func (h *httpRunner) take() *httpConn {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.idle) == 0 {
		return nil
	}
	c := h.idle[len(h.idle)-1]
	h.idle = h.idle[:len(h.idle)-1]
	return c
}

func (h *httpRunner) keep(c *httpConn) {
	c.in.read = 0
	if cap(c.head) > keptHead {
		c.head = nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		c.Close()
		return
	}
	h.idle = append(h.idle, c)
}

// dropKept closes the kept connections of an instance that is about to be frozen. Its
// process counts their idle time on while it stands still: after that it would close them
// under the first request.
func (h *httpRunner) dropKept() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropIdle()
}

func (h *httpRunner) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.dropIdle()
}

func (h *httpRunner) dropIdle() {
	for _, c := range h.idle {
		c.Close()
	}
	h.idle = nil
	h.http2.CloseIdleConnections() // the others end with the sandbox
}
