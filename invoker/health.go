package invoker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
)

// health checks one instance that listens: whether it answers its path with a status
// from 200 to 399, or without a path, whether its port accepts a connection.
//
// A check must not do harm to a server that takes one connection at a time, which would
// leave a second one waiting for ever. So a check uses a kept connection where there is
// one; and what it has used or made, it closes, because an event that came meanwhile may
// have made its own.
type health struct {
	in     *instance
	runner *httpRunner
	cfg    slipway.Health
}

func newHealth(in *instance, runner *httpRunner) *health {
	return &health{in: in, runner: runner, cfg: in.spec.Config.Health}
}

// unhealthyPause is between two checks of an instance that starts.
const unhealthyPause = 10 * time.Millisecond

// run checks until ctx ends, or until so many checks in a row have failed that the
// instance is unhealthy; it is unfit then.
func (h *health) run(ctx context.Context) {
	interval := h.cfg.Interval.D()
	next := time.NewTimer(rand.N(interval) + 1) // instances that started together are not checked together
	defer next.Stop()
	for failed, good := 0, 0; ; {
		select {
		case <-next.C:
		case <-h.in.done:
			return
		case <-ctx.Done():
			return
		}
		next.Reset(interval)
		counts, err := h.round(ctx)
		switch {
		case !counts || ctx.Err() != nil:
			continue
		case err == nil:
			if good++; good >= h.cfg.Healthy {
				failed = 0
			}
			continue
		}
		good = 0
		if failed++; failed >= h.cfg.Unhealthy {
			h.in.output.say("", fmt.Sprintf("unhealthy: %d health checks failed, the last because %v; the instance gets no new events and is replaced", failed, err))
			close(h.in.unfit)
			return
		}
	}
}

// round is one check. There is none while the instance is frozen. It does not count when
// it was frozen meanwhile, nor when it takes one event at a time and had one: it answers
// nobody else then.
func (h *health) round(ctx context.Context) (counts bool, err error) {
	turns := h.in.turns.Load()
	if h.in.busy() || h.in.frozen() {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Timeout.D())
	defer cancel()
	if err = h.check(ctx, false); err == nil {
		return true, nil
	}
	return h.in.turns.Load() == turns && !h.in.ended(), err
}

// await checks at the start, one check right after the other, until so many have
// succeeded that the instance is healthy.
func (h *health) await(ctx context.Context) error {
	if h.cfg.Path == "" {
		return nil // it has accepted a connection just now
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	var last error
	for good := 0; good < h.cfg.Healthy; {
		select {
		case <-pause.C:
		case <-h.in.sandbox.Done():
			_, err := h.in.endedEarly(slipway.ProtocolHTTP)
			return err
		case <-ctx.Done():
			if last != nil && errors.Is(context.Cause(ctx), errStartTimeout) {
				return h.in.startError(&slipway.FunctionError{Type: typeUnhealthy, Message: "the instance did not become healthy: " + last.Error()})
			}
			return ctx.Err()
		}
		once, cancel := context.WithTimeout(ctx, h.cfg.Timeout.D())
		err := h.check(once, true)
		cancel()
		pause.Reset(0)
		if good++; err == nil {
			continue
		}
		good = 0
		pause.Reset(unhealthyPause)
		if last == nil || ctx.Err() == nil { // one that the end of the time cut off says little
			last = err
		}
	}
	return nil
}

// check is one look at the instance; keep says that its connection may be used again.
func (h *health) check(ctx context.Context, keep bool) error {
	if h.cfg.Path != "" {
		return h.get(ctx, keep)
	}
	if h.runner.holds() {
		return nil
	}
	conn, err := h.in.dial(ctx, h.runner.address)
	if err != nil {
		return fmt.Errorf("port %d accepts no connection: %w", h.in.spec.Config.Port, err)
	}
	return conn.Close()
}

// get asks for the path. A kept connection that ends without a word was stale.
func (h *health) get(ctx context.Context, keep bool) error {
	c, err := h.runner.conn(ctx)
	if errors.Is(err, errOnlyHTTP2) || err == nil && h.runner.onlyHTTP2.Load() {
		return h.getHTTP2(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("port %d accepts no connection: %w", h.in.spec.Config.Port, err)
	}
	status, err := h.ask(ctx, c, keep)
	if err != nil && c.kept && c.in.read == 0 && ctx.Err() == nil {
		return h.get(ctx, keep)
	}
	if err != nil && ctx.Err() == nil && h.runner.provesHTTP2(ctx) {
		h.runner.onlyHTTP2.Store(true)
		return h.getHTTP2(ctx, nil)
	}
	return h.judge(ctx, status, err)
}

// getHTTP2 asks a process that speaks nothing else; c is a connection that is of no use.
func (h *health) getHTTP2(ctx context.Context, c *httpConn) error {
	if c != nil {
		c.Close()
	}
	req, err := h.request(ctx)
	if err != nil {
		return err
	}
	resp, err := h.runner.http2.RoundTrip(req)
	if err != nil {
		return h.judge(ctx, 0, err)
	}
	resp.Body.Close()
	return h.judge(ctx, resp.StatusCode, nil)
}

func (h *health) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+h.cfg.Path, nil)
	if err == nil {
		req.Header.Set("User-Agent", "slipway-health-check")
	}
	return req, err
}

// judge says what is wrong with an answer, if anything.
func (h *health) judge(ctx context.Context, status int, err error) error {
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("GET %s was not answered in time (%s)", h.cfg.Path, h.cfg.Timeout)
	case err != nil:
		return fmt.Errorf("GET %s got no valid answer: %w", h.cfg.Path, err)
	case status < 200 || status > 399:
		return fmt.Errorf("GET %s was answered with %d %s", h.cfg.Path, status, http.StatusText(status))
	}
	return nil
}

// maxHealthBody is how much of an answer is read for the sake of keeping its connection.
const maxHealthBody = 64 << 10

func (h *health) ask(ctx context.Context, c *httpConn, keep bool) (status int, err error) {
	kept := false
	defer func() {
		if !kept {
			c.Close()
		}
	}()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	req, err := h.request(ctx)
	if err != nil {
		return 0, err
	}
	req.Close = !keep
	if err := req.Write(c); err != nil {
		return 0, err
	}
	resp, err := c.readHead(http.MethodGet)
	if err != nil {
		return 0, err
	}
	h.runner.sawHTTP1()
	n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxHealthBody))
	if keep && err == nil && n < maxHealthBody && !resp.Close && ctx.Err() == nil {
		kept, c.kept = true, true
		h.runner.keep(c)
	}
	return resp.StatusCode, nil
}

// holds says whether the process holds a connection that an event could use; those that
// have ended are dropped.
func (h *httpRunner) holds() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := len(h.idle); n > 0; n-- {
		c := h.idle[n-1]
		if !c.stale() {
			return true
		}
		c.Close()
		h.idle = h.idle[:n-1]
	}
	return false
}
