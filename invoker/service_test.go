package invoker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/invoker"
)

// contains is strings.Contains, and true for nothing.
func contains(s, part string) bool { return strings.Contains(s, part) }

// build asks for a build over the bus and gives its last event.
func (m *machine) build(name string, args ...string) slipway.BuildEvent {
	m.t.Helper()
	c := slipway.DefaultConfig()
	c.Network, c.MemoryMB, c.Command = slipway.NetworkNone, 128, append([]string{"/fn"}, args...)
	ref := slipway.VersionRef{Tenant: "default", Function: name, Version: 1}
	body, err := json.Marshal(slipway.BuildRequest{ID: slipway.NewID(), Version: ref, Input: slipway.InputDigest, Config: c})
	if err != nil {
		m.t.Fatal(err)
	}
	resp, err := m.bus.RoundTrip(m.t.Context(), bus.BuildSubject("inv1"), &slipway.Request{
		Method: "BUILD", Body: io.NopCloser(bytes.NewReader(body)), Length: int64(len(body)),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	var last slipway.BuildEvent
	steps := ""
	for dec := json.NewDecoder(resp.Body); ; {
		var e slipway.BuildEvent
		if err := dec.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			m.t.Fatal(err)
		}
		steps += e.Step + " "
		last = e
	}
	if strings.TrimSpace(steps) != "layer check" {
		m.t.Errorf("steps %q", steps)
	}
	return last
}

func TestBuild(t *testing.T) {
	m := boot(t, func(c *invoker.Config) { c.StartTimeout = time.Second })
	for _, p := range []slipway.Protocol{slipway.ProtocolHTTP, slipway.ProtocolLambda} {
		t.Run("finds "+string(p), func(t *testing.T) {
			last := m.build(string(p), string(p))
			if last.Result == nil || last.Result.Protocol != p || last.Result.Digest != "sha256:fn" {
				t.Fatalf("last event %+v", last)
			}
			resp := m.send(invocation(m.deploy(string(p), p, func(c *slipway.Config) {}), "{}"))
			read(t, resp)
			if resp.ColdStart {
				t.Error("the first event was not warm")
			}
		})
	}
	t.Run("finds stdio, waiting for input", func(t *testing.T) {
		if last := m.build("stdio", "stdio"); last.Result == nil || last.Result.Protocol != slipway.ProtocolStdio {
			t.Fatalf("last event %+v", last)
		}
		resp := m.send(request(m.deploy("stdio", slipway.ProtocolStdio), "POST", "/", "a"))
		if body := read(t, resp); body != "A" {
			t.Errorf("%q", body)
		}
	})
	t.Run("finds stdio, ended with success", func(t *testing.T) {
		if last := m.build("done", "nothing"); last.Result == nil || last.Result.Protocol != slipway.ProtocolStdio {
			t.Fatalf("last event %+v", last)
		}
	})
	t.Run("ends with an error", func(t *testing.T) {
		last := m.build("exit", "exit")
		if last.Code != "invalid" || !contains(last.Error, "exit status 7") || !contains(last.Error, "no database") {
			t.Errorf("last event %+v", last)
		}
	})
	t.Run("does nothing", func(t *testing.T) {
		last := m.build("idle", "idle")
		if last.Code != "invalid" || !contains(last.Error, "nothing listens on port 8080 after 1s") || !contains(last.Error, "just thinking") {
			t.Errorf("last event %+v", last)
		}
	})
}

func TestOverTheBus(t *testing.T) {
	m := boot(t)
	states := make(chan slipway.InvokerState, 1000)
	stop, err := m.bus.WatchInvokers(func(s slipway.InvokerState) { states <- s })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ref := m.deploy("fn", slipway.ProtocolHTTP)
	resp, err := m.bus.RoundTrip(t.Context(), bus.InvokeSubject("inv1"), request(ref, "POST", "/echo", "hello"))
	if err != nil {
		t.Fatal(err)
	}
	if body := read(t, resp); body != "hello" || !resp.ColdStart {
		t.Errorf("%q %+v", body, resp)
	}
	for s := range states {
		if len(s.Versions) == 1 && s.Versions[0].VersionRef == ref && s.Versions[0].Free == 1 && s.FreeMemoryMB == 4096-128 {
			break
		}
	}
	var infos []slipway.InstanceInfo
	if err := m.bus.Ask(t.Context(), bus.InstancesSubject("inv1"), slipway.FunctionRef{Tenant: "default", Function: "fn"}, &infos); err != nil {
		t.Fatal(err)
	}
	if len(infos) != 1 || infos[0].ID != resp.Instance || infos[0].Invoker != "inv1" || infos[0].State != slipway.InstanceIdle {
		t.Errorf("instances %+v", infos)
	}

	m.mu.Lock()
	delete(m.specs, ref)
	m.mu.Unlock()
	if err := m.bus.PublishChange(slipway.FunctionRef{Tenant: "default", Function: "fn"}); err != nil {
		t.Fatal(err)
	}
	until(t, "the instances of a deleted function are gone", func() bool { return len(m.pool.Instances(nil)) == 0 })
	_, err = m.Invoke(t.Context(), request(ref, "GET", "/", ""))
	wantKind(t, err, slipway.ErrNotFound)
}

func TestShutdownFinishesWhatRuns(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP)
	body, in := io.Pipe()
	r := request(ref, "POST", "/ticks", "")
	r.Body, r.Length = body, -1
	resp, err := m.bus.RoundTrip(t.Context(), bus.InvokeSubject("inv1"), r)
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- m.stop() }()
	until(t, "nothing new is taken", func() bool {
		_, err := m.Invoke(context.Background(), request(ref, "GET", "/", ""))
		return slipway.Code(err) == "unavailable"
	})
	io.WriteString(in, "last")
	in.Close()
	if got := read(t, resp); got != "data: last\n\n" {
		t.Errorf("%q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
}
