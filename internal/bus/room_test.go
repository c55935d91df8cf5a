package bus_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

// A disk that is full refuses at once; when there is room again, all goes on without
// anybody starting anything, and what was accepted before is there.
func TestFullDisk(t *testing.T) {
	testenv.Root(t)
	dir := t.TempDir()
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=12m"))
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	log := slog.New(slog.DiscardHandler)
	s, err := bus.NewServer(bus.ServerConfig{Dir: filepath.Join(dir, "nats"), KeepFree: 3 << 20}, log)
	must(t, err)
	must(t, s.Start(within(t)))
	t.Cleanup(s.Shutdown)
	b, err := bus.Connect(within(t), bus.Config{Server: s}, log)
	must(t, err)
	t.Cleanup(b.Close)
	in := openIntake(t, b)

	accepted := 0
	for err == nil && accepted < 200 { // 20 MB
		e := testEvent(accepted)
		e.Payload = make([]byte, 100<<10)
		if err = in.Put(within(t), e); err == nil {
			accepted++
		}
	}
	blob := []byte("a small one")
	sum := sha256.Sum256(blob)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	put := func() error { return b.Blobs().Put(within(t), digest, int64(len(blob)), bytes.NewReader(blob)) }
	for what, err := range map[string]error{"an event": err, "a blob": put()} {
		if !errors.Is(err, slipway.ErrUnavailable) || slipway.RetryAfter(err) == 0 {
			t.Errorf("%s: %v", what, err)
		}
	}

	k := &kept{}
	take(t, in, k)
	k.await(t, accepted)
	filler := filepath.Join(dir, "filler")
	testenv.Eventually(t, time.Minute, func() error { return in.Put(within(t), testEvent(1000)) }) // what was taken has left the disk
	must(t, os.WriteFile(filler, make([]byte, 7<<20), 0o600))
	if err := os.WriteFile(filler+"2", make([]byte, 12<<20), 0o600); !errors.Is(err, syscall.ENOSPC) { // to the last byte
		t.Fatal(err)
	}
	if err := in.Put(within(t), testEvent(1001)); !errors.Is(err, slipway.ErrUnavailable) {
		t.Errorf("beside a filler: %v", err)
	}
	if err := bus.Trim(t.Context(), in); !errors.Is(err, slipway.ErrUnavailable) { // it would break the stream
		t.Errorf("removing from a full disk: %v", err)
	}
	must(t, os.Remove(filler))
	must(t, os.Remove(filler+"2"))
	must(t, in.Put(within(t), testEvent(1001)))
	must(t, put())
	k.await(t, accepted+2)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
