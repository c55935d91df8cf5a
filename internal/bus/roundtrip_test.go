package bus_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

func body(s string) (int64, io.ReadCloser) { return int64(len(s)), io.NopCloser(strings.NewReader(s)) }

// echo answers with what it was sent, as a stream if that came as one.
func echo(_ context.Context, req *slipway.Request) (*slipway.Response, error) {
	return &slipway.Response{Status: 200, Header: req.Header, Length: req.Length, Body: req.Body}, nil
}

func TestRoundTripCarriesEverything(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		now := time.Now()
		want := slipway.Request{
			ID: "id", Version: slipway.VersionRef{Tenant: "t", Function: "f", Version: 7}, Mode: slipway.ModeHTTP, Limit: 3,
			Deadline: now.Add(time.Minute), Received: now.Add(-time.Second), Method: "POST", Target: "/x?y=1", Host: "f.localhost",
			Proto: "HTTP/1.1", RemoteAddr: "127.0.0.1:1", Secure: true, Header: slipway.Header{"A": {"1", "2"}, "B": {""}, "C": {}},
		}
		answer := slipway.Response{
			Status: 418, Header: slipway.Header{"X": {"y"}}, Instance: "i", ColdStart: true, LogTail: "tail",
			Phases:        slipway.Phases{Route: 1, Queue: 2, Start: 3, Run: 4},
			Used:          slipway.Used{CPU: 5, MemoryPeak: 6},
			FunctionError: &slipway.FunctionError{Type: "T", Message: "m", StackTrace: []byte("[1]"), Payload: []byte("{}"), Handled: true},
		}
		var got slipway.Request
		var gotBody string
		serve(t, handler, "s", func(ctx context.Context, req *slipway.Request) (*slipway.Response, error) {
			got = *req
			b, err := io.ReadAll(req.Body)
			gotBody = string(b)
			if at, ok := ctx.Deadline(); !ok || !at.Equal(req.Deadline) {
				err = fmt.Errorf("the context ends at %v, the request at %v", at, req.Deadline)
			}
			r := answer
			return &r, err
		})
		req := want
		req.Length, req.Body = body("hello")
		resp, err := caller.RoundTrip(within(t), "s", &req)
		if err != nil {
			t.Fatal(err)
		}
		if gotBody != "hello" || got.Length != 5 {
			t.Errorf("body %q of %d bytes", gotBody, got.Length)
		}
		if d := got.Deadline.Sub(want.Deadline); d < 0 || d > time.Second {
			t.Errorf("the deadline moved by %s", d)
		}
		if d := got.Received.Sub(want.Received); d < 0 || d > time.Second {
			t.Errorf("the time of receipt moved by %s", d)
		}
		got.Deadline, got.Received, got.Body, got.Length = want.Deadline, want.Received, nil, 0
		if len(got.Header["C"]) != 0 || len(got.Header) != 3 {
			t.Errorf("header %v", got.Header)
		}
		got.Header, want.Header = slipway.Header{"A": got.Header["A"]}, slipway.Header{"A": want.Header["A"]}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the request came as\n%+v, not\n%+v", got, want)
		}
		if !reflect.DeepEqual(*resp, answer) {
			t.Errorf("the response came as\n%+v, not\n%+v", *resp, answer)
		}
	})
}

// TestBodies sends bodies of all sizes both ways, with and without a known length.
func TestBodies(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		serve(t, handler, "echo", echo)
		for _, n := range []int{0, 1, 100, 32 << 10, 64 << 10, 64<<10 + 1, 1 << 20, 5<<20 + 7} {
			for _, known := range []bool{true, false} {
				data := make([]byte, n)
				rand.Read(data)
				req := &slipway.Request{Length: -1, Body: io.NopCloser(bytes.NewReader(data))}
				if known {
					req.Length = int64(n)
				}
				resp, err := caller.RoundTrip(within(t), "echo", req)
				if err != nil {
					t.Fatalf("%d bytes, known %v: %v", n, known, err)
				}
				got, err := io.ReadAll(resp.Body)
				if err != nil || !bytes.Equal(got, data) {
					t.Fatalf("%d bytes, known %v: %d came back, %v", n, known, len(got), err)
				}
				if resp.Length != req.Length {
					t.Errorf("length %d became %d", req.Length, resp.Length)
				}
				if err := resp.Body.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		serve(t, handler, "echo", echo)
		ctx := within(t)
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				for j := range 20 {
					want := strings.Repeat(fmt.Sprintf("%d.%d ", i, j), 1+j*2000)
					resp, err := caller.RoundTrip(ctx, "echo", &slipway.Request{Length: int64(len(want)), Body: io.NopCloser(strings.NewReader(want))})
					if err != nil {
						t.Error(err)
						return
					}
					got, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil || string(got) != want {
						t.Errorf("%d bytes came back as %d: %v", len(want), len(got), err)
					}
				}
			})
		}
		all.Wait()
	})
}

func TestErrorsCross(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		serve(t, handler, "s", func(context.Context, *slipway.Request) (*slipway.Response, error) {
			err := slipway.Errorf(slipway.ErrLimit, "no room for %d", 3)
			err.RetryAfter = 7 * time.Second
			return nil, fmt.Errorf("invoke: %w", err)
		})
		_, err := caller.RoundTrip(within(t), "s", &slipway.Request{})
		if !errors.Is(err, slipway.ErrLimit) || err.Error() != "invoke: no room for 3" || slipway.RetryAfter(err) != 7*time.Second {
			t.Errorf("err = %v (%s), retry after %s", err, slipway.Code(err), slipway.RetryAfter(err))
		}
	})
}

func TestPanicEndsOneCall(t *testing.T) {
	b := embedded(t, bus.Config{})
	serve(t, b, "s", func(_ context.Context, req *slipway.Request) (*slipway.Response, error) {
		if req.ID == "bad" {
			panic("on purpose")
		}
		return &slipway.Response{Status: 200}, nil
	})
	if _, err := b.RoundTrip(within(t), "s", &slipway.Request{ID: "bad"}); !errors.Is(err, slipway.ErrInternal) {
		t.Errorf("err = %v, want ErrInternal", err)
	}
	if _, err := b.RoundTrip(within(t), "s", &slipway.Request{ID: "good"}); err != nil {
		t.Error(err)
	}
}

func TestNobodyServes(t *testing.T) {
	eachWay(t, bus.Config{PeerTimeout: time.Hour}, func(t *testing.T, caller, _ *bus.Bus) {
		for range 3 {
			body := &closed{Reader: strings.NewReader("x")}
			_, err := caller.RoundTrip(within(t), "nobody", &slipway.Request{Length: -1, Body: body})
			if !errors.Is(err, slipway.ErrUnavailable) || !strings.Contains(err.Error(), "nobody serves nobody") {
				t.Errorf("err = %v, want ErrUnavailable", err)
			}
			body.wait(t)
		}
	})
}

// closed is a body that tells when it is closed.
type closed struct {
	io.Reader
	once sync.Once
	mu   sync.Mutex
	ch   chan struct{}
}

func (c *closed) signal() chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ch == nil {
		c.ch = make(chan struct{})
	}
	return c.ch
}

func (c *closed) Close() error {
	ch := c.signal()
	c.once.Do(func() { close(ch) })
	return nil
}

func (c *closed) wait(t *testing.T) {
	t.Helper()
	select {
	case <-c.signal():
	case <-within(t).Done():
		t.Fatal("the body was not closed")
	}
}

func TestHeadTooLarge(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		huge := slipway.Header{"A": {strings.Repeat("a", 2<<20)}}
		serve(t, handler, "s", func(context.Context, *slipway.Request) (*slipway.Response, error) {
			return &slipway.Response{Header: huge}, nil
		})
		if _, err := caller.RoundTrip(within(t), "s", &slipway.Request{Header: huge}); !errors.Is(err, slipway.ErrTooLarge) {
			t.Errorf("request: err = %v, want ErrTooLarge", err)
		}
		if _, err := caller.RoundTrip(within(t), "s", &slipway.Request{}); !errors.Is(err, slipway.ErrTooLarge) {
			t.Errorf("response: err = %v, want ErrTooLarge", err)
		}
	})
}

func TestTooManyCalls(t *testing.T) {
	b := embedded(t, bus.Config{MaxCalls: 1})
	begun, release := make(chan struct{}), make(chan struct{})
	serve(t, b, "s", func(context.Context, *slipway.Request) (*slipway.Response, error) {
		close(begun)
		<-release
		return &slipway.Response{}, nil
	})
	first := make(chan error, 1)
	go func() {
		_, err := b.RoundTrip(context.Background(), "s", &slipway.Request{})
		first <- err
	}()
	<-begun
	if _, err := b.RoundTrip(within(t), "s", &slipway.Request{}); !errors.Is(err, slipway.ErrUnavailable) || slipway.RetryAfter(err) == 0 {
		t.Errorf("err = %v, want ErrUnavailable and a time to try again", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestSlowHandlerBlocksNobody(t *testing.T) {
	b := embedded(t, bus.Config{})
	release := make(chan struct{})
	serve(t, b, "s", func(_ context.Context, req *slipway.Request) (*slipway.Response, error) {
		if req.ID == "slow" {
			<-release
		}
		return &slipway.Response{}, nil
	})
	slow := make(chan error, 1)
	go func() {
		_, err := b.RoundTrip(context.Background(), "s", &slipway.Request{ID: "slow"})
		slow <- err
	}()
	for range 100 {
		if _, err := b.RoundTrip(within(t), "s", &slipway.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

func TestDrain(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		begun, release := make(chan struct{}), make(chan struct{})
		s := serve(t, handler, "s", func(context.Context, *slipway.Request) (*slipway.Response, error) {
			close(begun)
			<-release
			return &slipway.Response{Status: 204}, nil
		})
		status := make(chan int, 1)
		go func() {
			resp, err := caller.RoundTrip(context.Background(), "s", &slipway.Request{})
			if err != nil {
				t.Error(err)
				resp = &slipway.Response{}
			}
			status <- resp.Status
		}()
		<-begun
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Drain(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("drain with work left: %v", err)
		}
		// The server has taken the subscription out when it answers "nobody".
		for {
			if _, err := caller.RoundTrip(within(t), "s", &slipway.Request{}); errors.Is(err, slipway.ErrUnavailable) {
				break
			}
		}
		close(release)
		if err := s.Drain(within(t)); err != nil {
			t.Error(err)
		}
		if got := <-status; got != 204 {
			t.Errorf("the call that ran got status %d", got)
		}
	})
}
