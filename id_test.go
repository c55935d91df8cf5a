package slipway_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
)

func TestNewID(t *testing.T) {
	v7 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 10000 {
		id := slipway.NewID()
		if !v7.MatchString(id) {
			t.Fatalf("%q is no UUID version 7", id)
		}
		if seen[id] {
			t.Fatalf("%q came twice", id)
		}
		seen[id] = true
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "hello", "my-fn-2", strings.Repeat("a", 63)} {
		if err := slipway.CheckName("function", name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "-a", "a-", "A", "a_b", "a.b", "a--b", "../a", "ä", strings.Repeat("a", 64), "a\x00"} {
		if err := slipway.CheckName("function", name); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("%q: err = %v, want ErrInvalid", name, err)
		}
	}
}

func TestEventIDIsOfItsParts(t *testing.T) {
	a := slipway.EventID("default", "nightly", "2026-03-01")
	if again := slipway.EventID("default", "nightly", "2026-03-01"); again != a || len(a) != 36 || a[14] != '8' {
		t.Errorf("ids are %s and %s, want the same UUID version 8", a, again)
	}
	for _, parts := range [][]string{{"default", "nightly"}, {"defaultnightly", "2026-03-01"}, {"default", "nightl", "y2026-03-01"}, {}} {
		if other := slipway.EventID(parts...); other == a {
			t.Errorf("%q have the id of others", parts)
		}
	}
}
