package sandboxtest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// testLimits is about what a sandbox may use.
func testLimits(t *testing.T, b *Bench) {
	t.Run("processes", func(t *testing.T) {
		spec := b.Spec("fork", "100")
		spec.PIDs = 32
		out := b.OutputOf(t, spec)
		if !strings.HasPrefix(out, "refused after ") || !strings.Contains(out, "resource temporarily unavailable") {
			t.Errorf("%s", out)
		}
	})
	t.Run("fewer processes and less memory than the runtime itself needs", func(t *testing.T) {
		spec := b.Spec("id")
		spec.PIDs, spec.MemoryMB = 8, 16
		b.OutputOf(t, spec)
	})
	t.Run("ephemeral storage", func(t *testing.T) {
		for _, file := range []string{"/tmp/big", "/big", "/dev/shm/big"} {
			spec := b.Spec("fill", file)
			spec.EphemeralMB = 16
			var n int
			out := b.OutputOf(t, spec)
			if _, err := fmt.Sscanf(out, "full at %d no space left on device", &n); err != nil || n < 12 || n > 16 {
				t.Errorf("%s: %s", file, out)
			}
		}
	})
	t.Run("open files", func(t *testing.T) {
		wantLines(t, b.Output(t, "rlimit"), "files 256")
	})
	t.Run("cpu", func(t *testing.T) {
		spec := b.Spec("spin")
		spec.CPU = 0.2
		start := time.Now()
		p := b.Start(t, spec)
		p.Expect(t, "spinning")
		Eventually(t, "it used 100 ms of cpu", func() bool {
			u, err := p.Usage()
			if err != nil {
				t.Fatal(err)
			}
			return u.CPU > 100*time.Millisecond
		})
		// 100 ms at 0.2 are five periods of 100 ms, the first of which may be used at once.
		if took := time.Since(start); took < 200*time.Millisecond {
			t.Errorf("100 ms of cpu took %v at 0.2 cpus", took)
		}
	})
	t.Run("background", func(t *testing.T) {
		var front, back []*Process
		for range runtime.NumCPU() {
			spec := b.Spec("spin")
			front = append(front, b.Start(t, spec))
			spec = b.Spec("spin")
			spec.Background = true
			back = append(back, b.Start(t, spec))
		}
		was := [2]time.Duration{cpuOf(t, front), cpuOf(t, back)}
		Eventually(t, "what is in the foreground had three times as much cpu", func() bool {
			f, b := cpuOf(t, front)-was[0], cpuOf(t, back)-was[1]
			return f > 500*time.Millisecond && f > 3*b
		})
	})
	t.Run("usage", func(t *testing.T) {
		p := b.Start(t, b.Spec("pause"))
		p.Expect(t, "paused")
		if u, err := p.Usage(); err != nil || u.CPU == 0 || u.Memory == 0 || u.MemoryPeak < u.Memory || u.PIDs == 0 || u.OOMKills != 0 {
			t.Errorf("usage %+v, %v", u, err)
		}
	})
}

// cpuOf is what all of them used until now.
func cpuOf(t *testing.T, all []*Process) (sum time.Duration) {
	t.Helper()
	for _, p := range all {
		u, err := p.Usage()
		if err != nil {
			t.Fatal(err)
		}
		sum += u.CPU
	}
	return sum
}
