package bus_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// TestCloseEndsDirectCalls closes a bus with a call in it whose handler waits, and one
// whose body has no end.
func TestCloseEndsDirectCalls(t *testing.T) {
	b := embedded(t, bus.Config{CloseTimeout: 10 * time.Millisecond})
	waits, begun, _ := watched(nil)
	streams, _, _ := watched(endless)
	serve(t, b, "waits", waits)
	serve(t, b, "streams", streams)
	failed := make(chan error, 1)
	go func() {
		_, err := b.RoundTrip(context.Background(), "waits", &slipway.Request{})
		failed <- err
	}()
	wait(t, "the call", begun)
	resp, err := b.RoundTrip(context.Background(), "streams", &slipway.Request{})
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	if err := wait(t, "the end of the call", failed); !errors.Is(err, slipway.ErrUnavailable) {
		t.Errorf("err = %v, want ErrUnavailable", err)
	}
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, slipway.ErrUnavailable) {
		t.Errorf("in the body: err = %v, want ErrUnavailable", err)
	}
}

// TestDirectWhileOthersServe drains the nearest of two that serve a subject: the calls
// go to the other one then.
func TestDirectWhileOthersServe(t *testing.T) {
	near := embedded(t, bus.Config{})
	named := func(name string) bus.Handler {
		return func(context.Context, *slipway.Request) (*slipway.Response, error) {
			return &slipway.Response{Instance: name}, nil
		}
	}
	ask := func() string {
		resp, err := near.RoundTrip(within(t), "s", &slipway.Request{})
		if err != nil {
			t.Fatal(err)
		}
		return resp.Instance
	}
	first := serve(t, near, "s", named("first"))
	serve(t, near, "s", named("second"))
	for range 5 {
		if got := ask(); got != "first" {
			t.Errorf("%s answered", got)
		}
	}
	if err := first.Drain(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != "second" {
		t.Errorf("%s answered", got)
	}
}
