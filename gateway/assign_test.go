package gateway

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/slipway-run/slipway"
)

// keeping is a version of a function that wants n instances of 128 MiB kept.
func keeping(function string, n int) want {
	s := specOf(10)
	s.Function = function
	return want{spec: s, n: n}
}

func machines(memoryMB int, ids ...string) (all []slipway.InvokerState) {
	for _, id := range ids {
		all = append(all, slipway.InvokerState{ID: id, MemoryMB: memoryMB})
	}
	return all
}

// counts is how many instances each invoker keeps.
func (a assignment) counts() map[string]int {
	n := map[string]int{}
	for id, wishes := range a.wishes {
		for _, w := range wishes {
			n[id] += w.Instances
		}
	}
	return n
}

func TestAssignSpreads(t *testing.T) {
	three := machines(4096, "a", "b", "c")
	if n := assign([]want{keeping("f", 3)}, three).counts(); n["a"] != 1 || n["b"] != 1 || n["c"] != 1 {
		t.Errorf("three instances on three machines: %v", n)
	}
	if n := assign([]want{keeping("f", 7)}, three).counts(); slices.Min(slices.Collect(maps.Values(n))) != 2 {
		t.Errorf("seven instances on three machines: %v", n)
	}
	var many []want
	for i := range 300 {
		many = append(many, keeping(fmt.Sprint("f", i), 1))
	}
	for id, n := range assign(many, machines(1<<20, "a", "b", "c")).counts() {
		if n < 60 || n > 140 {
			t.Errorf("%s keeps %d of 300 functions, want about a third", id, n)
		}
	}
}

func TestAssignIsTheSameForAll(t *testing.T) {
	specs := []want{keeping("f", 2), keeping("g", 1), keeping("h", 3)}
	one := assign(specs, machines(512, "a", "b", "c"))
	slices.Reverse(specs)
	other := machines(512, "c", "a", "b")
	for i := range other {
		other[i].FreeMemoryMB = i * 100 // what is free at the moment differs from look to look
	}
	if two := assign(specs, other); !reflect.DeepEqual(one.wishes, two.wishes) {
		t.Errorf("%v and %v", one.wishes, two.wishes)
	}
}

func TestAssignMovesLittle(t *testing.T) {
	var many []want
	for i := range 100 {
		many = append(many, keeping(fmt.Sprint("f", i), 1))
	}
	home := func(a assignment) map[string]string {
		at := map[string]string{}
		for id, wishes := range a.wishes {
			for _, w := range wishes {
				at[w.Function] = id
			}
		}
		return at
	}
	before := home(assign(many, machines(1<<20, "a", "b", "c")))
	after := home(assign(many, machines(1<<20, "a", "c")))
	for f, id := range before {
		if id != "b" && after[f] != id {
			t.Errorf("%s moved from %s to %s, because b went", f, id, after[f])
		}
	}
}

func TestAssignWithinBounds(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		a := assign([]want{keeping("f", 5)}, machines(300, "a", "b"))
		if n := a.counts(); n["a"] != 2 || n["b"] != 2 || a.placed[keeping("f", 5).spec.VersionRef] != 4 {
			t.Errorf("five of 128 MiB on two of 300 MiB: %v, placed %v", n, a.placed)
		}
	})
	t.Run("an invoker that shuts down gets none", func(t *testing.T) {
		two := machines(4096, "a", "b")
		two[0].Draining = true
		if n := assign([]want{keeping("f", 2)}, two).counts(); n["a"] != 0 || n["b"] != 2 {
			t.Errorf("%v", n)
		}
	})
	t.Run("scaling.max", func(t *testing.T) {
		s := keeping("hello", 2)
		s.spec.Config.Scaling.Max = 2
		states := []slipway.InvokerState{state("a", 4096, 2, 2, 0)}
		a := assign([]want{s}, append(states, state("b", 4096, 0, 0, 0)))
		for id, limit := range map[string]int{"a": 2, "b": 0} {
			if w := a.wishes[id]; len(w) != 1 || w[0].Instances != 1 || w[0].Limit != limit {
				t.Errorf("%s is told %+v, want one, and %d at most", id, w, limit)
			}
		}
	})
	t.Run("min and provisioned", func(t *testing.T) {
		for _, s := range []slipway.Scaling{{Min: 3, Provisioned: 1, Max: 10}, {Min: 1, Provisioned: 3, Max: 10}, {Min: 5, Max: 3}} {
			if n := ahead(s); n != 3 {
				t.Errorf("%+v keeps %d, want 3", s, n)
			}
		}
	})
}
