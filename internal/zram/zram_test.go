package zram_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/zram"
)

func TestSwap(t *testing.T) {
	s, err := zram.New(t.Context(), 16<<20)
	if errors.Is(err, zram.ErrNone) {
		return // a machine, or a user, that can have none
	}
	if err != nil {
		t.Fatal(err)
	}
	if areas := swaps(t); !strings.Contains(areas, "/dev/"+s.Device()) {
		t.Errorf("it is not on:\n%s", areas)
	}
	if _, _, err := s.Used(); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if other, err := zram.New(ended, 16<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("a second one at the same time: %+v, %v", other, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if areas := swaps(t); strings.Contains(areas, "/dev/"+s.Device()) {
		t.Errorf("it is on still:\n%s", areas)
	}
	if _, err := os.Stat("/sys/block/" + s.Device()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the device is there still: %v", err)
	}
}

func swaps(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/swaps")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
