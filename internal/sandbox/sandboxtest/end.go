package sandboxtest

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/slipway-run/slipway"
)

func makeExecutable(t *testing.T, layer string, names ...string) {
	t.Helper()
	for _, n := range names {
		if err := os.Chmod(filepath.Join(layer, n), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// testEnd is about how a process ends: status, signal and want of memory are told
// apart.
func testEnd(t *testing.T, b *Bench) {
	t.Run("exit status", func(t *testing.T) {
		for args, want := range map[string]slipway.Exit{"0": {}, "7": {Code: 7}, "137": {Code: 137}} {
			if _, exit := b.Run(t, b.Spec("exit", args)); exit != want {
				t.Errorf("exit %s: %s", args, exit)
			}
		}
	})
	t.Run("signal of its own", func(t *testing.T) {
		if _, exit := b.Run(t, b.Spec("crash")); exit.Signal != syscall.SIGSEGV {
			t.Errorf("%s, want %s", exit, syscall.SIGSEGV)
		}
	})
	t.Run("signal from outside", func(t *testing.T) {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
			p := b.Start(t, b.Spec("term"))
			p.Expect(t, "waiting")
			if err := p.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if exit := p.Wait(t); exit != (slipway.Exit{Signal: sig}) {
				t.Errorf("%s: %s", sig, exit)
			}
			if err := p.Signal(sig); err != nil {
				t.Errorf("signal to a process that has ended: %v", err)
			}
		}
	})
	t.Run("signal with a handler", func(t *testing.T) {
		p := b.Start(t, b.Spec("pause"))
		p.Expect(t, "paused")
		if err := p.Signal(syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		if exit := p.Wait(t); !exit.Success() {
			t.Errorf("%s", exit)
		}
	})
	t.Run("out of memory", func(t *testing.T) {
		for _, command := range []string{"hog", "hogchild"} {
			spec := b.Spec(command)
			spec.MemoryMB = 32
			p := b.Start(t, spec)
			if exit := p.Wait(t); exit != (slipway.Exit{OOM: true}) {
				t.Errorf("%s: %s", command, exit)
			}
			if u, err := p.Usage(); err != nil || u.OOMKills == 0 || u.MemoryPeak == 0 {
				t.Errorf("%s: usage %+v, %v", command, u, err)
			}
		}
	})
	t.Run("close", func(t *testing.T) {
		p := b.Start(t, b.Spec("pause"))
		p.Expect(t, "paused")
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if exit := p.Wait(t); exit != (slipway.Exit{Signal: syscall.SIGKILL}) {
			t.Errorf("%s", exit)
		}
		if err := p.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
	})
	t.Run("closed before start", func(t *testing.T) {
		s := b.Create(t, b.Spec("pause"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		<-s.Done()
		if err := s.Start(context.Background(), slipway.Stdio{}); err == nil {
			t.Error("a closed sandbox starts")
		}
	})
}
