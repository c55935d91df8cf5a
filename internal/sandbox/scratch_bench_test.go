package sandbox_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
)

// BenchmarkScratch compares the places for what sandboxes write: the making of a
// sandbox, its end, and what it costs to write there.
func BenchmarkScratch(b *testing.B) {
	image := sandboxtest.Image(b)
	for i, place := range []string{sandbox.ScratchMemory, sandbox.ScratchDisk} {
		native := newNativeOf(b, 210+i, sandbox.Config{Scratch: place, Shells: -1})
		bench := sandboxtest.NewBench(native, image)
		for _, megabytes := range []int{0, 64, 10240} {
			b.Run(fmt.Sprintf("create/%s/%d", place, megabytes), func(b *testing.B) { benchmarkEnds(b, bench, megabytes, true) })
			b.Run(fmt.Sprintf("close/%s/%d", place, megabytes), func(b *testing.B) { benchmarkEnds(b, bench, megabytes, false) })
		}
		for _, work := range [][]string{{"bulk", "64"}, {"crumbs", "2000"}, {"synced", "200"}} {
			b.Run(fmt.Sprintf("%s/%s", work[0], place), func(b *testing.B) {
				for b.Loop() {
					spec := bench.Spec(work...)
					spec.MemoryMB = 256
					bench.OutputOf(b, spec)
				}
			})
		}
	}
}

// benchmarkEnds times the making of sandboxes, or their removal.
func benchmarkEnds(b *testing.B, bench *sandboxtest.Bench, megabytes int, making bool) {
	pauseTimer := func(now bool) {
		if now {
			b.StopTimer()
		} else {
			b.StartTimer()
		}
	}
	for b.Loop() {
		spec := bench.Spec("exit", "0")
		spec.EphemeralMB = megabytes
		pauseTimer(!making)
		s, err := bench.Launcher.Create(context.Background(), spec)
		if err != nil {
			b.Fatal(err)
		}
		pauseTimer(making)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		pauseTimer(false)
	}
}
