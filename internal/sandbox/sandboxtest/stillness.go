package sandboxtest

import (
	"io"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/zram"
)

// testStillness is about sandboxes that are frozen while they are up to something, and
// about their memory meanwhile.
func testStillness(t *testing.T, b *Bench) {
	t.Run("frozen", func(t *testing.T) { testFrozen(t, b) })
	t.Run("reclaim after the end", func(t *testing.T) {
		p := b.Start(t, b.Spec("exit", "0"))
		p.Wait(t)
		if n, err := p.Reclaim(t.Context()); n != 0 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
	t.Run("meter", func(t *testing.T) { testMeter(t, b) })
}

func testFrozen(t *testing.T, b *Bench) {
	t.Run("processes below processes, and threads", func(t *testing.T) {
		p := b.Start(t, b.Spec("crowd", "3"))
		p.Expect(t, "crowded")
		stopAndGo(t, p, 5)
	})
	t.Run("a storm of programs", func(t *testing.T) {
		p := b.Start(t, b.Spec("storm"))
		p.Expect(t, "storming")
		stopAndGo(t, p, 20)
	})
	t.Run("before it is started", func(t *testing.T) {
		s := b.Create(t, b.Spec("exit", "0"))
		must(t, s.Freeze(t.Context()))
		must(t, s.Thaw(t.Context()))
		Start(t, s).Wait(t)
	})
	t.Run("memory goes to swap and comes back", func(t *testing.T) { testReclaim(t, b) })
}

// stopAndGo freezes and thaws a sandbox that never rests: only a frozen one uses no
// processor time for a while.
func stopAndGo(t *testing.T, p *Process, rounds int) {
	t.Helper()
	for range rounds {
		must(t, p.Freeze(t.Context()))
		before := settled(t, p)
		must(t, p.Thaw(t.Context()))
		Eventually(t, "it goes on", func() bool { return cpu(t, p) > before })
	}
}

// testReclaim moves what a frozen process holds to swap and lets it look for it. Where
// there is no swap, nothing is given back.
func testReclaim(t *testing.T, b *Bench) {
	there := zram.ForTest(t, 256<<20)
	const holds = 32 // MiB
	p := b.Start(t, b.Spec("hold", "32"))
	p.Expect(t, "holding")
	for range 2 {
		must(t, p.Freeze(t.Context()))
		freed, err := p.Reclaim(t.Context())
		must(t, err)
		if there && freed < holds<<20 || !there && freed != 0 {
			t.Errorf("%d bytes were given back; swap: %v", freed, there)
		}
		if u, err := p.Usage(); err != nil || there && u.Memory > holds<<20/2 {
			t.Errorf("it still holds %d bytes, %v", u.Memory, err)
		}
		must(t, p.Thaw(t.Context()))
		if _, err := io.WriteString(p.Stdin, "\n"); err != nil {
			t.Fatal(err)
		}
		p.Expect(t, "whole")
	}
	must(t, p.Freeze(t.Context()))
	_, err := p.Reclaim(t.Context())
	must(t, err)
	must(t, p.Close()) // what is in swap goes with it
}

// testMeter is for launchers whose sandboxes have one. What it does not know is zero.
func testMeter(t *testing.T, b *Bench) {
	p := b.Start(t, b.Spec("hold", "16"))
	metered, ok := p.Sandbox.(slipway.Metered)
	if !ok {
		return
	}
	m, err := metered.Meter()
	must(t, err)
	defer m.Close()
	p.Expect(t, "holding")
	u, err := p.Usage()
	must(t, err)
	for range 2 {
		if cpu, peak := m.CPU(), m.Peak(); cpu != 0 && (cpu < u.CPU || cpu > u.CPU+time.Minute) || peak != 0 && peak < 16<<20 {
			t.Errorf("%v, %d bytes; usage %+v", cpu, peak, u)
		}
		m.BeginPeak()
	}
	must(t, p.Close())
	if cpu, peak := m.CPU(), m.Peak(); cpu != 0 || peak != 0 {
		t.Errorf("after the end: %v, %d bytes", cpu, peak)
	}
}
