package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// TestGRPCErrors: what a client of gRPC is told when there is no answer of a function.
func TestGRPCErrors(t *testing.T) {
	w := newWorld(t)
	w.publish("greeter", nil)
	i := w.newInvoker("a")
	client := h2c()
	call := func(function, timeout string) (status, message string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/fn/"+function+"/example.Greeter/Hello", strings.NewReader("x"))
		must(t, err)
		req.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "Grpc-Timeout": {timeout}}
		resp, err := client.Do(req)
		must(t, err)
		defer resp.Body.Close()
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/grpc" || resp.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s %v", resp.Status, resp.Header)
		}
		return resp.Header.Get("Grpc-Status"), resp.Header.Get("Grpc-Message")
	}
	if status, message := call("nobody", "1S"); status != "12" || !strings.Contains(message, `"nobody" does not exist`) {
		t.Errorf("no function: %s %q", status, message)
	}
	answers := map[string]struct {
		resp   *slipway.Response
		err    error
		status string
		words  string
	}{
		"full":    {err: slipway.Errorf(slipway.ErrLimit, "100 %% full"), status: "8", words: "100 %25 full"},
		"crash":   {resp: &slipway.Response{FunctionError: &slipway.FunctionError{Type: slipway.ErrorTypeExit, Message: "it fell"}}, status: "2", words: "it fell"},
		"timeout": {resp: &slipway.Response{FunctionError: &slipway.FunctionError{Type: slipway.ErrorTypeTimeout, Message: "too slow"}}, status: "4", words: "too slow"},
	}
	for name, tt := range answers {
		i.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) { return tt.resp, tt.err })
		if status, message := call("greeter", "1H"); status != tt.status || message != tt.words {
			t.Errorf("%s: %s %q", name, status, message)
		}
	}
}

// TestGRPCTimeout: what a client says of its patience is the deadline of the event.
func TestGRPCTimeout(t *testing.T) {
	w := newWorld(t)
	w.publish("greeter", nil)
	i := w.newInvoker("a")
	client := h2c()
	for timeout, want := range map[string]time.Duration{
		"10H": 10 * time.Hour, "99999999H": 24 * time.Hour, "90M": 90 * time.Minute, "3600S": time.Hour, "3600000m": time.Hour,
		"": 0, "5": 0, "H": 0, "-5S": 0, "123456789S": 0, "5x": 0,
	} {
		got := make(chan time.Duration, 1)
		i.handle(func(_ context.Context, r *slipway.Request) (*slipway.Response, error) {
			if r.Deadline.IsZero() {
				got <- 0
			} else {
				got <- time.Until(r.Deadline).Round(time.Minute)
			}
			return answer(200, ""), nil
		})
		req, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/fn/greeter/", strings.NewReader("x"))
		must(t, err)
		req.Header = http.Header{"Content-Type": {"application/grpc+proto"}, "Grpc-Timeout": {timeout}}
		resp, err := client.Do(req)
		must(t, err)
		resp.Body.Close()
		if d := <-got; d != want {
			t.Errorf("%q is %s, want %s", timeout, d, want)
		}
	}
}
