package cgroup_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/cgroup"
)

func TestParsePressure(t *testing.T) {
	p, err := cgroup.ParsePressure([]byte("some avg10=12.50 avg60=1.00 avg300=0.10 total=269400\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=33649\n"))
	want := cgroup.Pressure{Some: cgroup.Stall{Avg10: 0.125, Total: 269400 * time.Microsecond}, Full: cgroup.Stall{Avg10: 0.0025, Total: 33649 * time.Microsecond}}
	if err != nil || p != want {
		t.Errorf("%+v, want %+v, %v", p, want, err)
	}
	for _, text := range []string{"", "full avg10=0.00 total=1\n", "some avg10=x", "some avg10=101.00", "some avg10=NaN", "some total=-1", "some total=99999999999999999999"} {
		if p, err := cgroup.ParsePressure([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, p)
		}
	}
}

func FuzzPressure(f *testing.F) {
	f.Add([]byte("some avg10=0.00 avg60=0.00 avg300=0.00 total=269400\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=33649\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := cgroup.ParsePressure(text)
		for _, s := range []cgroup.Stall{p.Some, p.Full} {
			if !(s.Avg10 >= 0 && s.Avg10 <= 1) || s.Total < 0 {
				t.Errorf("%+v, %v", p, err)
			}
		}
	})
}

func TestShortage(t *testing.T) {
	p := cgroup.Pressure{Some: cgroup.Stall{Avg10: 0.5}}
	if s := cgroup.Shortage(p, 100, 30); s != 0 {
		t.Errorf("%v with much memory available", s)
	}
	if s := cgroup.Shortage(p, 100, 10); s != 0.5 {
		t.Errorf("%v with little memory available", s)
	}
	if s := cgroup.MemoryShortage(); s < 0 || s > 1 {
		t.Errorf("%v on this machine", s)
	}
}

// TestPressure reads what this machine has: of itself and of a group. Not to know it is
// no error.
func TestPressure(t *testing.T) {
	_, g := newGroup(t, cgroup.Limits{})
	for _, r := range []cgroup.Resource{cgroup.ResourceCPU, cgroup.ResourceMemory} {
		if _, _, err := cgroup.MachinePressure(r); err != nil {
			t.Error(err)
		}
		if _, _, err := g.Pressure(r); err != nil {
			t.Error(err)
		}
	}
	if p, known, err := cgroup.MachinePressure("nothing of that name"); known || err != nil {
		t.Errorf("%+v, %v", p, err)
	}
}
