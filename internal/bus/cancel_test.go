package bus_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

// watched is a handler that says when it begins and how its context ended.
func watched(resp func(ctx context.Context) *slipway.Response) (h bus.Handler, begun chan struct{}, ended chan error) {
	begun, ended = make(chan struct{}, 1), make(chan error, 1)
	return func(ctx context.Context, _ *slipway.Request) (*slipway.Response, error) {
		begun <- struct{}{}
		context.AfterFunc(ctx, func() { ended <- ctx.Err() })
		if resp != nil {
			return resp(ctx), nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}, begun, ended
}

// endless is a body without data and without end, until ctx ends.
func endless(ctx context.Context) *slipway.Response {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
	return &slipway.Response{Status: 200, Length: -1, Body: r}
}

func wait[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-within(t).Done():
		t.Fatalf("%s did not happen", what)
	}
	return v
}

// TestCancelBeforeTheHead ends the context of a caller that knows nothing of its
// handler yet. The keepalive is an hour: it is the cancel that arrives.
func TestCancelBeforeTheHead(t *testing.T) {
	eachWay(t, bus.Config{KeepAlive: time.Hour}, func(t *testing.T, caller, handler *bus.Bus) {
		h, begun, ended := watched(nil)
		serve(t, handler, "s", h)
		ctx, cancel := context.WithCancel(within(t))
		failed := make(chan error, 1)
		go func() {
			_, err := caller.RoundTrip(ctx, "s", &slipway.Request{})
			failed <- err
		}()
		wait(t, "the call", begun)
		cancel()
		if err := wait(t, "the end of the call", failed); !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v", err)
		}
		wait(t, "the end of the handler's context", ended)
	})
}

// TestCancelInTheBody ends a call whose response streams, in both ways that there are.
func TestCancelInTheBody(t *testing.T) {
	eachWay(t, bus.Config{KeepAlive: time.Hour}, func(t *testing.T, caller, handler *bus.Bus) {
		h, begun, ended := watched(endless)
		serve(t, handler, "s", h)
		for _, how := range []string{"close", "context"} {
			ctx, cancel := context.WithCancel(within(t))
			resp, err := caller.RoundTrip(ctx, "s", &slipway.Request{})
			if err != nil {
				t.Fatal(err)
			}
			wait(t, "the call", begun)
			if how == "close" {
				resp.Body.Close()
			} else {
				cancel()
				if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
					t.Errorf("err = %v", err)
				}
			}
			wait(t, how+": the end of the handler's context", ended)
			resp.Body.Close()
			cancel()
		}
	})
}

func TestDeadline(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		h, begun, ended := watched(endless)
		serve(t, handler, "s", h)
		resp, err := caller.RoundTrip(within(t), "s", &slipway.Request{Deadline: time.Now().Add(50 * time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		wait(t, "the call", begun)
		if err := wait(t, "the deadline", ended); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the handler's context ended with %v", err)
		}
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, slipway.ErrTimeout) {
			t.Errorf("err = %v, want ErrTimeout", err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
		defer cancel()
		if _, err := caller.RoundTrip(ctx, "s", &slipway.Request{}); !errors.Is(err, slipway.ErrTimeout) {
			t.Errorf("err = %v, want ErrTimeout", err)
		}
	})
}

// TestLongSilence holds a call open for much longer than a peer may be silent.
func TestLongSilence(t *testing.T) {
	eachWay(t, bus.Config{KeepAlive: 20 * time.Millisecond, PeerTimeout: 400 * time.Millisecond}, func(t *testing.T, caller, handler *bus.Bus) {
		h := func(ctx context.Context, _ *slipway.Request) (*slipway.Response, error) {
			timer := time.NewTimer(2 * time.Second)
			defer timer.Stop()
			select {
			case <-timer.C:
				return &slipway.Response{Status: 200}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		serve(t, handler, "s", h)
		if _, err := caller.RoundTrip(within(t), "s", &slipway.Request{}); err != nil {
			t.Error(err)
		}
	})
}

// TestPeerKilled kills the process at the other end of a call, once as its handler and
// once as its caller.
func TestPeerKilled(t *testing.T) {
	cfg := quick
	cfg.URL = testenv.NATS(t)
	b := connect(t, cfg)
	h, begun, ended := watched(nil)
	serve(t, b, "victim", h)
	kill := startPeer(t, cfg.URL)
	wait(t, "the peer's call", begun)
	resp, err := b.RoundTrip(within(t), "peer", &slipway.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, len("begin"))); err != nil {
		t.Fatal(err)
	}
	kill()
	if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, slipway.ErrUnavailable) {
		t.Errorf("err = %v, want ErrUnavailable", err)
	}
	wait(t, "the end of the handler's context", ended)
	if _, err := b.RoundTrip(within(t), "peer", &slipway.Request{}); !errors.Is(err, slipway.ErrUnavailable) {
		t.Errorf("err = %v, want ErrUnavailable", err)
	}
}

// TestCloseEndsCalls closes the bus of a handler that does not end by itself.
func TestCloseEndsCalls(t *testing.T) {
	url := testenv.NATS(t)
	caller := connect(t, bus.Config{URL: url})
	handler := connect(t, bus.Config{URL: url, CloseTimeout: 10 * time.Millisecond})
	h, begun, ended := watched(nil)
	serve(t, handler, "s", h)
	failed := make(chan error, 1)
	go func() {
		_, err := caller.RoundTrip(context.Background(), "s", &slipway.Request{})
		failed <- err
	}()
	wait(t, "the call", begun)
	handler.Close()
	wait(t, "the end of the handler's context", ended)
	if err := wait(t, "the end of the call", failed); !errors.Is(err, slipway.ErrUnavailable) {
		t.Errorf("err = %v, want ErrUnavailable", err)
	}
}
