package zram

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// ForTest switches swap on until the end of the test, if this process may, and says
// whether the machine has any: there may be some already.
func ForTest(t testing.TB, bytes int64) (there bool) {
	t.Helper()
	s, err := New(t.Context(), bytes)
	switch {
	case err == nil:
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("switch swap off: %v", err)
			}
		})
		return true
	case !errors.Is(err, ErrNone):
		t.Fatal(err)
	}
	areas, err := os.ReadFile("/proc/swaps")
	return err == nil && strings.Count(string(areas), "\n") > 1 // below the head
}
