package cgroup_test

import (
	"os"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/cgroup"
)

func newMeter(t testing.TB, g *cgroup.Group, pid int) *cgroup.Meter {
	t.Helper()
	m, err := g.NewMeter(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestMeter(t *testing.T) {
	s, g := newGroup(t, cgroup.Limits{Memory: 64 << 20})
	testMeter(t, s, g)
}

func testMeter(t *testing.T, s *cgroup.System, g *cgroup.Group) {
	t.Helper()
	h := newHoard(t, g)
	m := newMeter(t, g, spin(t, g).Process.Pid)
	cpu := m.CPU()
	await(t, "cpu time is counted", func() bool { return m.CPU() > cpu })
	if peak := m.Peak(); peak < hoarded {
		t.Errorf("a peak of %d bytes", peak)
	}
	h.in.Close() // its memory goes with it
	await(t, "the process is gone", func() bool { return usage(t, g).Memory < hoarded })
	switch anew := m.BeginPeak(); {
	case anew && m.Peak() >= hoarded:
		t.Errorf("the peak that began anew is %d", m.Peak())
	case !anew && m.Peak() < hoarded:
		t.Errorf("the peak that could not begin anew is %d", m.Peak())
	}
	if u := usage(t, g); u.MemoryPeak < hoarded {
		t.Errorf("the peak of the group is forgotten: %+v", u)
	}
	if _, err := s.Open("slipway-there-is-none/one").NewMeter(1); err == nil {
		t.Error("a meter of no group")
	}
}

// TestMeterCountsWhatRuns holds that the time of a process that is running now is counted
// up to now.
func TestMeterCountsWhatRuns(t *testing.T) {
	_, g := newGroup(t, cgroup.Limits{})
	m := newMeter(t, g, spin(t, g).Process.Pid)
	before := m.CPU()
	for range 1000 {
		if now := m.CPU(); now < before {
			t.Fatalf("%v after %v", now, before)
		} else {
			before = now
		}
	}
	if allocs := testing.AllocsPerRun(100, func() { m.CPU(); m.BeginPeak(); m.Peak() }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestMeterOfV2(t *testing.T) {
	s, _ := newV2(t, "cpu memory pids\n")
	g, err := s.New("slipway-x/one", cgroup.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m := newMeter(t, g, os.Getpid())
	if cpu, peak := m.CPU(), m.Peak(); cpu != 1500*time.Microsecond || peak != 192 { // 8192 in the imitation, over which 0 was written
		t.Errorf("%v, %d bytes", cpu, peak)
	}
}

func BenchmarkMeter(b *testing.B) {
	s, err := cgroup.Detect()
	if err != nil {
		b.Fatal(err)
	}
	g := groupIn(b, s, cgroup.Limits{Memory: 64 << 20})
	m := newMeter(b, g, os.Getpid())
	b.Run("cpu", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.CPU()
		}
	})
	b.Run("peak", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Peak()
		}
	})
	b.Run("event", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.BeginPeak()
			m.CPU()
			m.CPU()
			m.Peak()
		}
	})
}
