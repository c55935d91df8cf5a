package trace_test

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/bench/simulate/trace"
)

func arrivals(t *trace.Trace, seed uint64) (all []trace.Arrival) {
	for s := t.Arrivals(seed); ; {
		a, ok := s.Next()
		if !ok {
			return all
		}
		all = append(all, a)
	}
}

var small = trace.Synthetic{Functions: 60, Days: 2, MaxPerDay: 2000, Seed: 7}

// TestFormat2019 reads what was written: functions, counts, durations and memory.
func TestFormat2019(t *testing.T) {
	written, folder := trace.Generate(small), t.TempDir()
	if err := written.Write2019(folder); err != nil {
		t.Fatal(err)
	}
	read, err := trace.Read2019(folder, 1, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read, written) {
		t.Errorf("what was read is not what was written: %d and %d functions, %d and %d invocations",
			len(read.Functions), len(written.Functions), read.Invocations(), written.Invocations())
	}
	t.Run("one day of it, some functions", func(t *testing.T) {
		some, err := trace.Read2019(folder, 2, 1, 10)
		if err != nil || len(some.Functions) != 10 || some.Length() != 24*time.Hour {
			t.Errorf("%v, %d functions, %v", err, len(some.Functions), some.Length())
		}
	})
	t.Run("without the files that the public trace lacks", func(t *testing.T) {
		if err := os.Remove(filepath.Join(folder, "app_memory_percentiles.anon.d01.csv")); err != nil {
			t.Fatal(err)
		}
		if some, err := trace.Read2019(folder, 1, 1, 0); err != nil || some.Functions[0].MemoryMB == 0 {
			t.Error(err)
		}
	})
}

// TestFormat2021 reads moments to the microsecond.
func TestFormat2021(t *testing.T) {
	written, path := trace.Generate(small), filepath.Join(t.TempDir(), "trace.txt")
	if err := written.Write2021(path, 1); err != nil {
		t.Fatal(err)
	}
	read, err := trace.Read2021(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, got := arrivals(written, 1), arrivals(read, 0)
	if len(want) != len(got) || len(want) != written.Invocations() {
		t.Fatalf("%d arrivals, want %d and %d", len(got), len(want), written.Invocations())
	}
	for i := range want {
		a, b := want[i], got[i]
		name := written.Functions[a.Function].Name
		if d := a.At - b.At; d < -2*time.Microsecond || d > 2*time.Microsecond {
			t.Fatalf("arrival %d at %v, want %v", i, b.At, a.At)
		}
		if len(name) != 64 {
			t.Fatalf("a function's name is %q", name)
		}
	}
}

// TestFormatsRefuse says which line is wrong.
func TestFormatsRefuse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.txt")
	if err := os.WriteFile(path, []byte("app,func,end_timestamp,duration\na,f,1.5,0.5\na,f,soon,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := trace.Read2021(path, 0); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("%v", err)
	}
	if _, err := trace.Read2019(t.TempDir(), 1, 1, 0); err == nil {
		t.Error("no error for a folder that is empty")
	}
}

// TestArrivals: in order, within their minute, the same for the same seed.
func TestArrivals(t *testing.T) {
	made := trace.Generate(small)
	all := arrivals(made, 3)
	if len(all) != made.Invocations() {
		t.Errorf("%d arrivals of %d", len(all), made.Invocations())
	}
	for i := 1; i < len(all); i++ {
		if all[i].At < all[i-1].At || all[i].At >= made.Length() {
			t.Fatalf("arrival %d at %v", i, all[i].At)
		}
	}
	if !reflect.DeepEqual(all, arrivals(trace.Generate(small), 3)) {
		t.Error("the same seeds make other arrivals")
	}
	for _, a := range all {
		if made.Functions[a.Function].Trigger == "timer" && a.At%time.Minute >= time.Second {
			t.Fatalf("a timer fires at %v", a.At)
		}
	}
}

// TestGenerate holds a trace against the distributions it is made after.
func TestGenerate(t *testing.T) {
	made := trace.Generate(trace.Synthetic{Functions: 3000, Days: 1, MaxPerDay: 3e4, Seed: 1})
	perDay := make([]float64, len(made.Functions))
	for _, a := range arrivals(made, 1) {
		perDay[a.Function]++
	}
	share := func(of func(i int) bool) float64 {
		n := 0
		for i := range made.Functions {
			if of(i) {
				n++
			}
		}
		return float64(n) / float64(len(made.Functions))
	}
	total, popular := 0.0, 0.0
	for _, n := range perDay {
		if total += n; n > 1440 {
			popular += n
		}
	}
	for _, tt := range []struct {
		what      string
		got, want float64
		within    float64
	}{
		{"functions rarer than once an hour", share(func(i int) bool { return perDay[i] <= 24 }), 0.45, 0.07},
		{"functions rarer than once a minute", share(func(i int) bool { return perDay[i] <= 1440 }), 0.81, 0.05},
		{"invocations of the others, their number cut", popular / total, 0.95, 0.06},
		{"timers", share(func(i int) bool { return made.Functions[i].Trigger == "timer" }), 0.156, 0.03},
		{"run less than a second on average", share(func(i int) bool { return made.Functions[i].Duration.Mean() < 1000 }), 0.5, 0.07},
		{"have at most 170 MB", share(func(i int) bool { return made.Functions[i].MemoryMB <= 170 }), 0.5, 0.25},
		{"have at most 400 MB", share(func(i int) bool { return made.Functions[i].MemoryMB <= 400 }), 0.9, 0.1},
	} {
		if math.Abs(tt.got-tt.want) > tt.within {
			t.Errorf("%s: %.3f, want %.3f", tt.what, tt.got, tt.want)
		} else {
			t.Logf("%s: %.3f (published %.3f)", tt.what, tt.got, tt.want)
		}
	}
}
