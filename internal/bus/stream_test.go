package bus_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

// zeros is a body of n zero bytes that counts what was taken of it.
type zeros struct {
	n     int64
	taken atomic.Int64
}

func (z *zeros) Read(p []byte) (int, error) {
	left := z.n - z.taken.Load()
	if left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), left)
	clear(p[:n])
	z.taken.Add(n)
	return int(n), nil
}

func (z *zeros) Close() error { return nil }

// TestLargeBodiesInBoundedMemory sends 256 MiB up and down at once.
func TestLargeBodiesInBoundedMemory(t *testing.T) {
	const size, bound = 256 << 20, 64 << 20
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		serve(t, handler, "echo", echo)
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		resp, err := caller.RoundTrip(within(t), "echo", &slipway.Request{Length: size, Body: &zeros{n: size}})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var most uint64
		for total := int64(0); total < size; {
			n, err := io.CopyN(io.Discard, resp.Body, 16<<20)
			if total += n; err != nil {
				t.Fatalf("after %d bytes: %v", total, err)
			}
			var now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
		if n, err := io.Copy(io.Discard, resp.Body); n != 0 || err != nil {
			t.Errorf("%d bytes too many, %v", n, err)
		}
		if most > before.HeapAlloc+bound {
			t.Errorf("the heap grew from %d to %d MiB", before.HeapAlloc>>20, most>>20)
		}
	})
}

// TestBackPressure has nobody read, and looks where the writers stop.
func TestBackPressure(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		const size, most = 1 << 30, 4 << 20
		down := &zeros{n: size}
		serve(t, handler, "s", func(ctx context.Context, req *slipway.Request) (*slipway.Response, error) {
			return &slipway.Response{Status: 200, Length: -1, Body: down}, nil
		})
		ctx, cancel := context.WithCancel(within(t))
		defer cancel()
		up := &zeros{n: size}
		resp, err := caller.RoundTrip(ctx, "s", &slipway.Request{Length: -1, Body: up})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		stalls(t, "up", &up.taken, most)
		stalls(t, "down", &down.taken, most)
		if _, err := io.CopyN(io.Discard, resp.Body, 64<<20); err != nil {
			t.Fatal(err)
		}
		if n := down.taken.Load(); n < 64<<20 || n > 64<<20+most {
			t.Errorf("64 MiB were read and %d written", n)
		}
		if n := up.taken.Load(); n > most {
			t.Errorf("nobody reads, and %d bytes were written", n)
		}
	})
}

// stalls waits until a counter has stopped to grow. Directly, nobody reads ahead.
func stalls(t *testing.T, name string, counter *atomic.Int64, most int64) {
	t.Helper()
	last, same := int64(-1), 0
	readsAhead := !strings.Contains(t.Name(), "/direct")
	testenv.Eventually(t, time.Minute, func() error {
		n := counter.Load()
		if n == last && (n > 0 || !readsAhead) {
			same++
		} else {
			last, same = n, 0
		}
		if same < 20 {
			return fmt.Errorf("%s: %d bytes and going on", name, n)
		}
		return nil
	})
	if last > most {
		t.Errorf("%s: %d bytes were written before the writer stopped", name, last)
	}
}

// TestBothWaysAtOnce speaks line by line, as an upgraded connection does.
func TestBothWaysAtOnce(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		serve(t, handler, "s", func(_ context.Context, req *slipway.Request) (*slipway.Response, error) {
			r, w := io.Pipe()
			go func() {
				lines := bufio.NewScanner(req.Body)
				for lines.Scan() {
					fmt.Fprintln(w, strings.ToUpper(lines.Text()))
				}
				w.CloseWithError(lines.Err())
			}()
			return &slipway.Response{Status: 101, Length: 0, Body: r}, nil
		})
		r, w := io.Pipe()
		resp, err := caller.RoundTrip(within(t), "s", &slipway.Request{Length: -1, Body: r})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		for i := range 100 {
			fmt.Fprintf(w, "line %d\n", i)
			if got, err := lines.ReadString('\n'); err != nil || got != fmt.Sprintf("LINE %d\n", i) {
				t.Fatalf("line %d came back as %q, %v", i, got, err)
			}
		}
		w.Close()
		if _, err := lines.ReadByte(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	})
}

func TestTrailers(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		serve(t, handler, "s", func(_ context.Context, req *slipway.Request) (*slipway.Response, error) {
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return nil, err
			}
			n, rc := body("hi")
			return &slipway.Response{Length: n, Body: rc, Header: req.Trailer(), Trailer: func() slipway.Header { return slipway.Header{"Grpc-Status": {"0"}} }}, nil
		})
		n, rc := body("small") // with a trailer it is sent as a stream all the same
		resp, err := caller.RoundTrip(within(t), "s", &slipway.Request{Length: n, Body: rc, Trailer: func() slipway.Header { return slipway.Header{"Sum": {"42"}} }})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got := resp.Header["Sum"]; len(got) != 1 || got[0] != "42" {
			t.Errorf("the handler got the trailer %v", got)
		}
		if got, err := io.ReadAll(resp.Body); string(got) != "hi" || err != nil {
			t.Errorf("body %q, %v", got, err)
		}
		if got := resp.Trailer()["Grpc-Status"]; len(got) != 1 || got[0] != "0" {
			t.Errorf("trailer %v", resp.Trailer())
		}
	})
}

// failing gives some bytes and then an error.
func failing(n int64, err error) io.ReadCloser {
	return io.NopCloser(io.MultiReader(&zeros{n: n}, errorReader{err}))
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestBrokenResponseIsSeen(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		serve(t, handler, "s", func(_ context.Context, req *slipway.Request) (*slipway.Response, error) {
			return &slipway.Response{Length: req.Length, Body: failing(100_000, slipway.Errorf(slipway.ErrConflict, "it broke"))}, nil
		})
		for _, length := range []int64{-1, 200_000} {
			resp, err := caller.RoundTrip(within(t), "s", &slipway.Request{Length: length})
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, resp.Body)
			if n != 100_000 || !errors.Is(err, slipway.ErrConflict) || !strings.Contains(err.Error(), "it broke") {
				t.Errorf("%d bytes, err = %v", n, err)
			}
			resp.Body.Close()
		}
		if _, err := caller.RoundTrip(within(t), "s", &slipway.Request{Length: 10}); err != nil {
			// The body gives more than its length: what counts is the length.
			t.Error(err)
		}
	})
}

func TestShortResponseIsAnError(t *testing.T) {
	b := embedded(t, bus.Config{})
	serve(t, b, "s", func(context.Context, *slipway.Request) (*slipway.Response, error) {
		_, rc := body("short")
		return &slipway.Response{Length: 10, Body: rc}, nil
	})
	if _, err := b.RoundTrip(within(t), "s", &slipway.Request{}); err == nil || !strings.Contains(err.Error(), "10 bytes") {
		t.Errorf("err = %v", err)
	}
}

func TestBrokenRequestIsSeen(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		serve(t, handler, "s", func(_ context.Context, req *slipway.Request) (*slipway.Response, error) {
			n, err := io.Copy(io.Discard, req.Body)
			return nil, fmt.Errorf("after %d bytes: %w", n, err)
		})
		_, err := caller.RoundTrip(within(t), "s", &slipway.Request{Length: -1, Body: failing(100_000, errors.New("the client left"))})
		if err == nil || !strings.Contains(err.Error(), "after 100000 bytes: read the request's body: the client left") {
			t.Errorf("err = %v", err)
		}
	})
}

// TestHandlerNeedNotRead answers while the request still streams.
func TestHandlerNeedNotRead(t *testing.T) {
	eachWay(t, bus.Config{}, func(t *testing.T, caller, handler *bus.Bus) {
		serve(t, handler, "s", func(context.Context, *slipway.Request) (*slipway.Response, error) {
			return &slipway.Response{Status: 413}, nil
		})
		r, w := io.Pipe()
		resp, err := caller.RoundTrip(within(t), "s", &slipway.Request{Length: -1, Body: r})
		if err != nil || resp.Status != 413 {
			t.Fatal(resp, err)
		}
		for err == nil { // until the call, which is over, closes its end of the pipe
			_, err = w.Write(make([]byte, 1000))
		}
		if err != io.ErrClosedPipe {
			t.Errorf("err = %v", err)
		}
	})
}
