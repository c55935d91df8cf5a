package invoker_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// freeze freezes and reclaims the instance that was made last.
func (m *machine) freeze() slipway.Instance {
	m.t.Helper()
	in := m.latest()
	if err := errors.Join(in.Freeze(m.t.Context()), in.Freeze(m.t.Context())); err != nil {
		m.t.Fatal(err)
	}
	if _, err := in.Reclaim(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	return in
}

// TestFrozenInstancesAnswer thaws by the event itself, and before it, as the pool does.
func TestFrozenInstancesAnswer(t *testing.T) {
	m := boot(t)
	for _, p := range []slipway.Protocol{slipway.ProtocolHTTP, slipway.ProtocolLambda} {
		t.Run(string(p), func(t *testing.T) {
			ref := m.deploy("on-"+string(p), p)
			m.get(ref, "/")
			for round := range 6 {
				in := m.freeze()
				if round%2 == 0 {
					if err := errors.Join(in.Thaw(t.Context()), in.Thaw(t.Context())); err != nil {
						t.Fatal(err)
					}
				}
				resp := m.send(request(ref, "POST", "/", "{}"))
				if read(t, resp); resp.Status != 200 || resp.ColdStart || resp.Instance != in.ID() {
					t.Fatalf("round %d: %+v", round, resp)
				}
			}
		})
	}
	t.Run("stdio", func(t *testing.T) {
		ref := m.deploy("on-stdio", slipway.ProtocolStdio)
		m.wish(time.Hour, slipway.Wish{VersionRef: ref, Instances: 1, Limit: 10})
		until(t, "one is ready", func() bool { return m.idling("on-stdio") == 1 })
		in := m.freeze()
		resp := m.send(invocation(ref, "frozen"))
		if body := read(t, resp); body != "FROZEN" || resp.Instance != in.ID() {
			t.Errorf("%q of %+v", body, resp)
		}
	})
}

// TestFrozenLongerThanConnectionsIdle has the process close every connection that was
// idle for a moment, which it finds out when it is thawed.
func TestFrozenLongerThanConnectionsIdle(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, func(c *slipway.Config) { c.Env = map[string]string{"IDLE": "20ms"} })
	m.get(ref, "/")
	for range 5 {
		m.freeze()
		<-time.After(30 * time.Millisecond) // there is no other clock in a process that stands still
		resp := m.send(request(ref, "POST", "/", "cannot be sent twice"))
		if read(t, resp); resp.Status != 200 || resp.ColdStart {
			t.Fatalf("%+v", resp)
		}
	}
}

func TestBusyInstanceIsNotFrozen(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, concurrency(2))
	m.get(ref, "/")
	answered := make(chan error)
	go func() {
		_, err := m.Invoke(t.Context(), request(ref, "GET", "/wait", ""))
		answered <- err
	}()
	until(t, "it has an event", func() bool { return len(m.logs.find("waiting 1")) == 1 })
	in := m.latest()
	wantKind(t, in.Freeze(t.Context()), slipway.ErrConflict, "has an event")
	_, err := in.Reclaim(t.Context())
	wantKind(t, err, slipway.ErrConflict, "not frozen")
	m.get(ref, "/open")
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// TestFrozenInstanceIsNotChecked freezes an instance for several intervals of its checks,
// one of which would do to make it unhealthy.
func TestFrozenInstanceIsNotChecked(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, checked("health", "/health", 1))
	_, before := m.get(ref, "/")
	in := m.freeze()
	other := m.deploy("other", slipway.ProtocolHTTP, checked("health", "/health", 1))
	m.get(other, "/")
	until(t, "another one was checked several times", func() bool { return len(m.logs.find("check 5")) > 0 })
	select {
	case <-in.Unfit():
		t.Error("it is unhealthy")
	default:
	}
	if _, after := m.get(ref, "/"); after != before {
		t.Errorf("%q answers after %q", after, before)
	}
	checks := len(m.logs.find("check "))
	until(t, "it is checked again", func() bool {
		lines := m.logs.find("check ")
		for _, l := range lines[min(checks, len(lines)):] {
			if l.Instance == in.ID() {
				return true
			}
		}
		return false
	})
}

// TestFrozenInstanceIsAskedToEnd holds that closing is the same for it as for others.
func TestFrozenInstanceIsAskedToEnd(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, command("/fn", "polite"))
	m.get(ref, "/")
	in := m.freeze()
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if len(m.logs.find("bye")) != 1 {
		t.Error("it ended without a word")
	}
	if err := errors.Join(in.Freeze(t.Context()), in.Thaw(t.Context())); err != nil {
		t.Errorf("one that is closed: %v", err)
	}
}

// TestFreezeMeetsTheEnd freezes, thaws and reclaims while the instance ends.
func TestFreezeMeetsTheEnd(t *testing.T) {
	m := boot(t)
	for _, end := range []string{"close", "crash"} {
		t.Run(end, func(t *testing.T) {
			ref := m.deploy(end, slipway.ProtocolHTTP)
			m.get(ref, "/")
			in := m.latest()
			var group sync.WaitGroup
			group.Go(func() {
				for ended := false; !ended; {
					select {
					case <-in.Done():
						ended = true
					default:
					}
					if err := in.Freeze(t.Context()); err != nil && !errors.Is(err, slipway.ErrConflict) {
						t.Error(err)
					}
					if _, err := in.Reclaim(t.Context()); err != nil && !errors.Is(err, slipway.ErrConflict) {
						t.Error(err)
					}
					if err := in.Thaw(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
			if end == "crash" {
				m.send(request(ref, "GET", "/crash", ""))
			} else if err := in.Close(); err != nil {
				t.Error(err)
			}
			group.Wait()
		})
	}
}
