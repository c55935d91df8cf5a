package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// bookedLate is the processor time that the kernel may add to a group after it stands
// still: interrupts that it served in its place. An answer takes more.
const bookedLate = 100 * time.Microsecond

// testControl is about what the owner of a sandbox does with it.
func testControl(t *testing.T, b *Bench) {
	t.Run("freeze and thaw", func(t *testing.T) {
		p := b.Start(t, b.Spec("echo", "tcp,127.0.0.1:8080"))
		p.Expect(t, "listening")
		for range 3 {
			must(t, p.Freeze(t.Context()))
			must(t, p.Freeze(t.Context()))
			before := settled(t, p)
			if c, err := p.Dial(t.Context(), "tcp", "127.0.0.1:8080"); err == nil {
				c.Close()
			}
			if after := settled(t, p); after-before > bookedLate {
				t.Errorf("it ran %v while frozen", after-before)
			}
			must(t, p.Thaw(t.Context()))
			must(t, p.Thaw(t.Context()))
			echoes(t, p, "tcp", "127.0.0.1:8080")
		}
	})
	t.Run("close while frozen", func(t *testing.T) {
		p := b.Start(t, b.Spec("spin"))
		p.Expect(t, "spinning")
		must(t, p.Freeze(t.Context()))
		must(t, p.Close())
	})
	t.Run("freeze after the end", func(t *testing.T) {
		p := b.Start(t, b.Spec("exit", "0"))
		p.Wait(t)
		must(t, p.Freeze(t.Context()))
		must(t, p.Thaw(t.Context()))
		must(t, p.Close())
		must(t, p.Freeze(t.Context()))
	})
	t.Run("the same id twice", func(t *testing.T) {
		spec := b.Spec("pause")
		first := b.Create(t, spec)
		if _, err := b.Launcher.Create(t.Context(), spec); !errors.Is(err, slipway.ErrConflict) {
			t.Errorf("%v", err)
		}
		must(t, first.Close())
		must(t, b.Create(t, spec).Close())
	})
	t.Run("specs that cannot be", func(t *testing.T) {
		for name, change := range map[string]func(*slipway.SandboxSpec){
			"id":        func(s *slipway.SandboxSpec) { s.ID = "../x" },
			"no layers": func(s *slipway.SandboxSpec) { s.Layers = nil },
			"isolation": func(s *slipway.SandboxSpec) { s.Isolation = "oci:none" },
			"folder":    func(s *slipway.SandboxSpec) { s.Dir = "relative" },
			"mount":     func(s *slipway.SandboxSpec) { s.Mounts = []slipway.Mount{{Source: "/tmp", Target: "/"}} },
		} {
			spec := b.Spec("id")
			change(&spec)
			if _, err := b.Launcher.Create(t.Context(), spec); !errors.Is(err, slipway.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("a context that ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if s, err := b.Launcher.Create(ctx, b.Spec("id")); err == nil {
			s.Close()
			t.Error("created")
		}
	})
	t.Run("at the same time", func(t *testing.T) {
		crowd := 24
		if testing.Short() { // an emulated machine needs seconds for one by another runtime
			crowd = 6
		}
		var all sync.WaitGroup
		for range crowd {
			all.Go(func() {
				if err := runOnce(b); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// runOnce is a whole life, for a goroutine that may not end the test.
func runOnce(b *Bench) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := b.Launcher.Create(ctx, b.Spec("exit", "3"))
	if err != nil {
		return err
	}
	if err := s.Start(ctx, slipway.Stdio{}); err != nil {
		return errors.Join(err, s.Close())
	}
	<-s.Done()
	if exit := s.Exit(); exit.Code != 3 {
		err = fmt.Errorf("%s", exit)
	}
	return errors.Join(err, s.Close())
}

func cpu(t *testing.T, s slipway.Sandbox) time.Duration {
	t.Helper()
	u, err := s.Usage()
	must(t, err)
	return u.CPU
}

// settled is cpu once it has been the same for a while: what a process used on its way
// into the freezer can be counted late.
func settled(t *testing.T, s slipway.Sandbox) time.Duration {
	t.Helper()
	last, same := cpu(t, s), 0
	Eventually(t, "the processor time of a frozen sandbox stays the same", func() bool {
		now := cpu(t, s)
		if same++; now != last {
			last, same = now, 0
		}
		return same == 20
	})
	return last
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
