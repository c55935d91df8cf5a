package invoker_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// TestUsed has events that use much and little: each is told what is its own.
func TestUsed(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolHTTP)
	m.get(ref, "/")
	little, _ := m.get(ref, "/")
	much, _ := m.get(ref, "/spend")
	if little.Used.CPU <= 0 || little.Used.MemoryPeak <= 0 {
		t.Errorf("a small event used %+v", little.Used)
	}
	if much.Used.CPU <= 4*little.Used.CPU || much.Used.MemoryPeak < 32<<20 {
		t.Errorf("a large event used %+v, a small one %+v", much.Used, little.Used)
	}
	t.Run("after", func(t *testing.T) {
		var infos []slipway.InstanceInfo
		if err := m.bus.Ask(t.Context(), bus.InstancesSubject("inv1"), slipway.FunctionRef{Tenant: "default", Function: "fn"}, &infos); err != nil {
			t.Fatal(err)
		}
		doc, _ := json.Marshal(infos)
		if len(infos) != 1 || infos[0].CPUSeconds < much.Used.CPU.Seconds() || infos[0].MemoryMB <= 0 || infos[0].MemoryPeakMB < 32 {
			t.Errorf("%s", doc)
		}
	})
	t.Run("of several at once", func(t *testing.T) {
		ref := m.deploy("shared", slipway.ProtocolHTTP, concurrency(2))
		if resp, _ := m.get(ref, "/spend"); resp.Used.CPU != 0 || resp.Used.MemoryPeak < 32<<20 {
			t.Errorf("%+v", resp.Used)
		}
	})
	t.Run("lambda", func(t *testing.T) {
		if resp, _ := m.get(m.deploy("lambda", slipway.ProtocolLambda), "/answer"); resp.Used.CPU <= 0 || resp.Used.MemoryPeak <= 0 {
			t.Errorf("%+v", resp.Used)
		}
	})
	t.Run("stdio", func(t *testing.T) {
		if resp := m.send(invocation(m.deploy("stdio", slipway.ProtocolStdio), "x")); resp.Used.CPU <= 0 || resp.Used.MemoryPeak <= 0 {
			t.Errorf("%+v", resp.Used)
		}
	})
}

// BenchmarkTurn is a warm event, for what an account of it costs; see also the meter's
// own benchmark in internal/cgroup.
func BenchmarkTurn(b *testing.B) {
	m := boot(b)
	ref := m.deploy("fn", slipway.ProtocolHTTP)
	m.get(ref, "/")
	for b.Loop() {
		resp, err := m.Invoke(context.Background(), request(ref, "GET", "/", ""))
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}
