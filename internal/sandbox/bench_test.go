package sandbox_test

import (
	"context"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
)

// BenchmarkSandbox is a whole life: create, start a program that ends at once, wait,
// close.
func BenchmarkSandbox(b *testing.B) {
	bench := sandboxtest.NewBench(newNative(b, 200), sandboxtest.Image(b))
	for b.Loop() {
		s := create(b, bench)
		if err := s.Start(context.Background(), slipway.Stdio{}); err != nil {
			b.Fatal(err)
		}
		<-s.Done()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreate is Create alone.
func BenchmarkCreate(b *testing.B) {
	bench := sandboxtest.NewBench(newNative(b, 201), sandboxtest.Image(b))
	for b.Loop() {
		s := create(b, bench)
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkStart is Start alone.
func BenchmarkStart(b *testing.B) {
	bench := sandboxtest.NewBench(newNative(b, 202), sandboxtest.Image(b))
	for b.Loop() {
		b.StopTimer()
		s := create(b, bench)
		b.StartTimer()
		if err := s.Start(context.Background(), slipway.Stdio{}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func create(b *testing.B, bench *sandboxtest.Bench) slipway.Sandbox {
	s, err := bench.Launcher.Create(context.Background(), bench.Spec("exit", "0"))
	if err != nil {
		b.Fatal(err)
	}
	return s
}
