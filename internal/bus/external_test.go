package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
)

// guests starts an embedded server that guests may connect to.
func guests(t *testing.T, dir, token string) *bus.Server {
	t.Helper()
	s, err := bus.NewServer(bus.ServerConfig{Dir: dir, Listen: "127.0.0.1:0", Token: token, Guests: true}, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func outside(t *testing.T, cfg bus.OutsideConfig) *bus.Outside {
	t.Helper()
	o, err := bus.ConnectOutside(within(t), cfg, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

// client is somebody else's program.
func client(t *testing.T, url string, opts ...nats.Option) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

// Guests of the embedded server neither hear nor reach anything of the platform, by
// subject or by stream, and the platform hears nothing of theirs.
func TestGuestsAreApart(t *testing.T) {
	s := guests(t, t.TempDir(), "open sesame")
	platform := connect(t, bus.Config{Server: s})
	if _, err := nats.Connect(s.URL()); err == nil {
		t.Error("a guest without the token came in")
	}
	nc, js := client(t, s.URL(), nats.Token("open sesame"))
	heard := make(chan string, 16)
	if _, err := nc.Subscribe(">", func(m *nats.Msg) { heard <- m.Subject }); err != nil {
		t.Fatal(err)
	}
	changes := make(chan slipway.FunctionRef, 1)
	stop, err := platform.WatchChanges(func(ref slipway.FunctionRef) { changes <- ref })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := nc.Publish("slipway.changes", []byte(`{"tenant":"evil","function":"evil"}`)); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if subject := <-heard; subject != "slipway.changes" { // its own message, and after it nothing
		t.Errorf("the guest hears %s", subject)
	}
	if err := platform.PublishChange(slipway.FunctionRef{Tenant: "default", Function: "f"}); err != nil {
		t.Fatal(err)
	}
	if ref := <-changes; ref.Function != "f" {
		t.Errorf("the platform heard a guest: %+v", ref)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case subject := <-heard:
		t.Errorf("the guest hears %s of the platform", subject)
	default:
	}
	if _, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "HUGE", Subjects: []string{"huge"}, MaxBytes: 11 << 30}); err == nil {
		t.Error("a guest may fill the disk")
	}
	if _, err := js.Stream(within(t), "LOGS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the guest sees the platform's stream: %v", err)
	}
}

// eachOutside runs a test against the embedded server and a real nats-server.
func eachOutside(t *testing.T, test func(t *testing.T, cfg bus.OutsideConfig, nc *nats.Conn, js jetstream.JetStream)) {
	t.Run("embedded", func(t *testing.T) {
		s := guests(t, t.TempDir(), "")
		nc, js := client(t, s.URL())
		test(t, bus.OutsideConfig{Server: s}, nc, js)
	})
	t.Run("external", func(t *testing.T) {
		url := testenv.NATS(t)
		nc, js := client(t, url)
		test(t, bus.OutsideConfig{URL: url}, nc, js)
	})
}

// Of two that listen with one group each message reaches one.
func TestListenSharesByGroup(t *testing.T) {
	eachOutside(t, func(t *testing.T, cfg bus.OutsideConfig, nc *nats.Conn, _ jetstream.JetStream) {
		var mu sync.Mutex
		got := map[string]int{}
		for range 2 {
			stop, err := outside(t, cfg).Listen("orders.*", "g", func(m bus.Message) {
				mu.Lock()
				defer mu.Unlock()
				got[m.Subject+" "+string(m.Data)+" "+fmt.Sprint(m.Header["X-Some"])]++
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
		}
		for i := range 20 {
			if err := nc.PublishMsg(&nats.Msg{Subject: "orders.new", Header: nats.Header{"x-some": {"h"}}, Data: fmt.Append(nil, i)}); err != nil {
				t.Fatal(err)
			}
		}
		testenv.Eventually(t, 10*time.Second, func() error {
			mu.Lock()
			defer mu.Unlock()
			if len(got) != 20 {
				return fmt.Errorf("%d messages came", len(got))
			}
			return nil
		})
		for what, n := range got {
			if n != 1 {
				t.Errorf("%s came %d times", what, n)
			}
		}
	})
}

// A message of a stream comes until it was taken; one that cannot be comes once; and what
// comes while nobody consumes is there afterwards.
func TestConsume(t *testing.T) {
	eachOutside(t, func(t *testing.T, cfg bus.OutsideConfig, _ *nats.Conn, js jetstream.JetStream) {
		o := outside(t, cfg)
		c := bus.Consumption{Stream: "ORDERS", Subject: "orders.paid", Durable: "slipway--default--t"}
		if _, err := o.Consume(within(t), c, nil, nil); !errors.Is(err, slipway.ErrNotFound) {
			t.Errorf("a stream that is not there: %v", err)
		}
		if _, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}}); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		times := map[string]int{}
		take := func(_ context.Context, m bus.Message) bus.Verdict {
			mu.Lock()
			defer mu.Unlock()
			text := string(m.Data)
			times[text]++
			switch {
			case m.Stream != "ORDERS" || m.Sequence == 0 || m.Time.IsZero():
				t.Errorf("got %+v", m)
			case text == "poison":
				return bus.Never
			case text == "later" && times[text] == 1:
				return bus.Again
			}
			return bus.Done
		}
		stop, err := o.Consume(within(t), c, take, func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		publish := func(subject, text string) {
			t.Helper()
			if _, err := js.Publish(within(t), subject, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		want := func(n map[string]int) {
			t.Helper()
			testenv.Eventually(t, 20*time.Second, func() error {
				mu.Lock()
				defer mu.Unlock()
				if fmt.Sprint(times) != fmt.Sprint(n) {
					return fmt.Errorf("came %v, want %v", times, n)
				}
				return nil
			})
		}
		publish("orders.other", "not wanted")
		publish("orders.paid", "later")
		publish("orders.paid", "poison")
		publish("orders.paid", "good")
		want(map[string]int{"later": 2, "poison": 1, "good": 1})
		stop()
		publish("orders.paid", "while away")
		ended := make(chan error, 16)
		if stop, err = o.Consume(within(t), c, take, func(err error) { ended <- err }); err != nil {
			t.Fatal(err)
		}
		defer stop()
		want(map[string]int{"later": 2, "poison": 1, "good": 1, "while away": 1})
		if err := o.Forget(within(t), c); err != nil {
			t.Fatal(err)
		}
		<-ended
		if err := o.Forget(within(t), c); err != nil {
			t.Errorf("forget what is forgotten: %v", err)
		}
	})
}

// What guests keep is there after a restart, and they can publish.
func TestGuestsKeepStreams(t *testing.T) {
	dir := t.TempDir()
	s := guests(t, dir, "")
	_, js := client(t, s.URL())
	if _, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "KEEP", Subjects: []string{"keep.>"}}); err != nil {
		t.Fatal(err)
	}
	o := outside(t, bus.OutsideConfig{Server: s})
	if err := o.SendMessage(within(t), "keep.x", slipway.Header{"A": {"b"}}, []byte("kept")); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	s = guests(t, dir, "")
	_, js = client(t, s.URL())
	stream, err := js.Stream(within(t), "KEEP")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := stream.GetMsg(within(t), 1); err != nil || string(m.Data) != "kept" {
		t.Errorf("kept is %v, %v", m, err)
	}
}

// Who tries token after token does not fill the log.
func TestWrongTokensInTheLog(t *testing.T) {
	var log lockedBuffer
	s, err := bus.NewServer(bus.ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", Token: "open sesame", Guests: true}, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	must(t, s.Start(within(t)))
	t.Cleanup(s.Shutdown)
	for range 100 {
		if _, err := nats.Connect(s.URL(), nats.Token("open barley")); err == nil {
			t.Fatal("a guest with a wrong token came in")
		}
	}
	text := log.String()
	if n := strings.Count(text, "authentication error"); n == 0 || n > 50 || strings.Contains(text, "level=ERROR") || strings.Contains(text, "barley") {
		t.Errorf("%d lines:\n%s", n, text)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
