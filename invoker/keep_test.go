package invoker_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker"
)

// wish tells the invoker what to keep, as a gateway does.
func (m *machine) wish(lease time.Duration, wishes ...slipway.Wish) {
	m.t.Helper()
	if err := m.bus.PublishWishes(slipway.WishList{Invoker: "inv1", Lease: slipway.Duration(lease), Wishes: wishes}); err != nil {
		m.t.Fatal(err)
	}
}

// idling is how many instances of the function wait for events.
func (m *machine) idling(name string) (n int) {
	for _, in := range m.pool.Instances(&slipway.FunctionRef{Tenant: "default", Function: name}) {
		if in.State == slipway.InstanceIdle {
			n++
		}
	}
	return n
}

func TestKeepsWhatIsWished(t *testing.T) {
	m := boot(t)
	soon := func(c *slipway.Config) { c.Scaling.IdleTimeout = slipway.Duration(time.Second) }
	ref := m.deploy("fn", slipway.ProtocolHTTP, soon)
	m.wish(time.Hour, slipway.Wish{VersionRef: ref, Instances: 2, Limit: 10})
	until(t, "two are ready", func() bool { return m.idling("fn") == 2 })
	if resp, _ := m.get(ref, "/"); resp.ColdStart || resp.Phases.Start != 0 {
		t.Errorf("the first event was cold: %+v", resp.Phases)
	}

	first := m.pool.Instances(nil)[0].ID
	m.send(request(ref, "GET", "/crash", "")) // ends one of them
	until(t, "it is replaced", func() bool { return m.idling("fn") == 2 && len(m.pool.Instances(nil)) == 2 })
	if now := m.pool.Instances(nil); now[0].ID == first && now[1].ID == first {
		t.Errorf("instances %+v", now)
	}

	m.wish(time.Hour)
	until(t, "they go by their idle timeout", func() bool { return len(m.pool.Instances(nil)) == 0 })
}

func TestWishesEndWithTheirLease(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, func(c *slipway.Config) { c.Scaling.IdleTimeout = slipway.Duration(time.Second) })
	m.wish(5*time.Second, slipway.Wish{VersionRef: ref, Instances: 1, Limit: 1})
	until(t, "one is ready", func() bool { return m.idling("fn") == 1 })
	until(t, "it goes when nobody renews the wish", func() bool { return len(m.pool.Instances(nil)) == 0 })
}

func TestChangeReachesWhatIsKept(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, func(c *slipway.Config) { c.Scaling.Max = 1 })
	m.wish(time.Hour, slipway.Wish{VersionRef: ref, Instances: 2, Limit: 2})
	until(t, "one is ready, the most there may be", func() bool { return m.idling("fn") == 1 })
	m.deploy("fn", slipway.ProtocolHTTP, func(c *slipway.Config) { c.Scaling.Max = 2 })
	if err := m.bus.PublishChange(slipway.FunctionRef{Tenant: "default", Function: "fn"}); err != nil {
		t.Fatal(err)
	}
	until(t, "both are", func() bool { return m.idling("fn") == 2 })
}

// TestChangeWithoutANotice: what was lost on the way is asked for.
func TestChangeWithoutANotice(t *testing.T) {
	m := boot(t, func(c *invoker.Config) { c.Refresh = 50 * time.Millisecond })
	ref := m.deploy("fn", slipway.ProtocolHTTP, func(c *slipway.Config) { c.Scaling.Max = 1 })
	m.wish(time.Hour, slipway.Wish{VersionRef: ref, Instances: 2, Limit: 2})
	until(t, "one is ready, the most there may be", func() bool { return m.idling("fn") == 1 })
	m.deploy("fn", slipway.ProtocolHTTP, func(c *slipway.Config) { c.Scaling.Max = 2 })
	until(t, "both are", func() bool { return m.idling("fn") == 2 })
	m.mu.Lock()
	delete(m.specs, ref)
	m.mu.Unlock()
	until(t, "those of a deleted function are gone", func() bool { return len(m.pool.Instances(nil)) == 0 })
}

// TestStartsThatFailAreSaid: the gateways can see that a version does not start, and why.
func TestStartsThatFailAreSaid(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP, func(c *slipway.Config) { c.Command = []string{"/fn", "no-such-thing"} })
	m.wish(time.Hour, slipway.Wish{VersionRef: ref, Instances: 1, Limit: 1})
	until(t, "three starts have failed", func() bool {
		for _, c := range m.pool.Counts() {
			if c.VersionRef == ref && c.Failures >= 3 {
				return strings.Contains(c.Failure, "ended before it was ready")
			}
		}
		return false
	})
}

func TestPausedFunctionHasNoInstances(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP)
	m.wish(time.Hour, slipway.Wish{VersionRef: ref, Instances: 2, Limit: 10})
	until(t, "two are ready", func() bool { return m.idling("fn") == 2 })
	body, in := io.Pipe()
	r := request(ref, "POST", "/ticks", "")
	r.Body, r.Length = body, -1
	busy := m.send(r)

	pause := func(paused bool) {
		m.mu.Lock()
		spec := m.specs[ref]
		spec.Paused = paused
		m.specs[ref] = spec
		m.mu.Unlock()
		if err := m.bus.PublishChange(slipway.FunctionRef{Tenant: "default", Function: "fn"}); err != nil {
			t.Fatal(err)
		}
	}
	pause(true)
	until(t, "only the busy one is left", func() bool { return m.idling("fn") == 0 && len(m.pool.Instances(nil)) == 1 })
	_, err := m.Invoke(t.Context(), request(ref, "GET", "/", "")) // a gateway has not heard of it
	wantKind(t, err, slipway.ErrUnavailable, "is paused")
	m.wish(time.Hour, slipway.Wish{VersionRef: ref, Instances: 2, Limit: 10}) // and wishes on

	io.WriteString(in, "last")
	in.Close()
	if got := read(t, busy); got != "data: last\n\n" {
		t.Errorf("the event in flight got %q", got)
	}
	until(t, "none is left", func() bool { return len(m.pool.Instances(nil)) == 0 })
	pause(false)
	until(t, "two are ready again", func() bool { return m.idling("fn") == 2 })
}
