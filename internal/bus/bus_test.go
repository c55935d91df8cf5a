package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

func TestMain(m *testing.M) {
	if os.Getenv(peerEnv) != "" {
		servePeer()
		return
	}
	if dir := os.Getenv(intakeVictim); dir != "" {
		fmt.Fprintln(os.Stderr, putAndTake(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// testLog shows warnings and errors of the bus.
func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// within is a context for anything in a test that could hang.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// quick notices the dead soon.
var quick = bus.Config{KeepAlive: 50 * time.Millisecond, PeerTimeout: 500 * time.Millisecond}

// newServer starts an embedded server for this test.
func newServer(t testing.TB, listen, token string) *bus.Server {
	t.Helper()
	s, err := bus.NewServer(bus.ServerConfig{Dir: t.TempDir(), Listen: listen, Token: token}, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func connect(t testing.TB, cfg bus.Config) *bus.Bus {
	t.Helper()
	b, err := bus.Connect(within(t), cfg, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// embedded is a bus on a server in this process.
func embedded(t testing.TB, cfg bus.Config) *bus.Bus {
	t.Helper()
	cfg.Server = newServer(t, "", "")
	return connect(t, cfg)
}

// eachWay runs a test on one bus that talks to itself in this process, directly and over
// the embedded server, and on two that talk over an external nats-server.
func eachWay(t *testing.T, cfg bus.Config, test func(t *testing.T, caller, handler *bus.Bus)) {
	t.Run("direct", func(t *testing.T) {
		b := embedded(t, cfg)
		test(t, b, b)
	})
	t.Run("embedded", func(t *testing.T) {
		cfg := cfg
		cfg.ViaNATS = true
		b := embedded(t, cfg)
		test(t, b, b)
	})
	t.Run("external", func(t *testing.T) {
		cfg := cfg
		cfg.URL = testenv.NATS(t)
		test(t, connect(t, cfg), connect(t, cfg))
	})
}

func serve(t testing.TB, b *bus.Bus, subject string, h bus.Handler) *bus.Subscription {
	t.Helper()
	s, err := b.Serve(subject, "test", h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
