package bus_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

// smallAnswer is what a warm hello gives.
func smallAnswer(context.Context, *slipway.Request) (*slipway.Response, error) {
	return &slipway.Response{Status: 200, Header: slipway.Header{"Content-Type": {"text/plain"}, "Date": {"today"}},
		Length: 5, Body: io.NopCloser(bytes.NewReader([]byte("hello")))}, nil
}

func BenchmarkRoundTrip(b *testing.B) {
	b.Run("direct", func(b *testing.B) { benchmark(b, embedded(b, bus.Config{})) })
	b.Run("embedded", func(b *testing.B) { benchmark(b, embedded(b, bus.Config{ViaNATS: true})) })
	b.Run("external", func(b *testing.B) { benchmark(b, connect(b, bus.Config{URL: testenv.NATS(b), ViaNATS: true})) })
}

func benchmark(b *testing.B, on *bus.Bus) {
	serve(b, on, "hello", smallAnswer)
	serve(b, on, "echo", echo)
	ctx := context.Background()
	one := func() error {
		resp, err := on.RoundTrip(ctx, "hello", &slipway.Request{
			ID: "0190", Version: slipway.VersionRef{Tenant: "default", Function: "hello", Version: 1}, Mode: slipway.ModeHTTP,
			Method: "GET", Target: "/", Host: "hello.localhost", Proto: "HTTP/1.1",
			Header: slipway.Header{"User-Agent": {"wrk"}, "Accept": {"*/*"}, "X-Request-Id": {"0190"}},
		})
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		return err
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := one(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("64", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := one(); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("stream", func(b *testing.B) {
		const size = 16 << 20
		b.SetBytes(size)
		for b.Loop() {
			resp, err := on.RoundTrip(ctx, "echo", &slipway.Request{Length: size, Body: &zeros{n: size}})
			if err != nil {
				b.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
				b.Fatal(n, err)
			}
			resp.Body.Close()
		}
	})
}
