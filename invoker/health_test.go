package invoker_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker"
)

// checked is a function whose program is checked every second.
func checked(program, path string, unhealthy int, change ...func(*slipway.Config)) func(*slipway.Config) {
	return func(c *slipway.Config) {
		c.Command = []string{"/fn", program}
		c.Health = slipway.Health{Path: path, Interval: slipway.Duration(time.Second), Timeout: slipway.Duration(time.Second), Healthy: 1, Unhealthy: unhealthy}
		for _, f := range change {
			f(c)
		}
	}
}

func TestUnhealthyInstanceIsReplaced(t *testing.T) {
	for name, tt := range map[string]struct{ path, act, reason string }{
		"path": {"/health", "/sick", "unhealthy: 2 health checks failed, the last because GET /health was answered with 500 Internal Server Error"},
		"port": {"", "/deaf", "unhealthy: 2 health checks failed, the last because port 8080 accepts no connection"},
	} {
		t.Run(name, func(t *testing.T) {
			m := boot(t)
			ref := m.deploy("fn", slipway.ProtocolHTTP, checked("health", tt.path, 2))
			m.wish(time.Hour, slipway.Wish{VersionRef: ref, Instances: 1, Limit: 1})
			until(t, "one is ready", func() bool { return m.idling("fn") == 1 })
			_, before := m.get(ref, "/")
			m.get(ref, tt.act)
			until(t, "the log says why it goes", func() bool { return len(m.logs.find(tt.reason)) > 0 })
			line := m.logs.find(tt.reason)[0]
			if line.Stream != "platform" || line.Instance != before {
				t.Errorf("log line %+v", line)
			}
			until(t, "another is ready", func() bool { return m.idling("fn") == 1 && m.pool.Instances(nil)[0].ID != before })
			if _, after := m.get(ref, "/"); after == before {
				t.Errorf("the unhealthy instance %s got an event", before)
			}
		})
	}
}

func TestHealthyInstanceStays(t *testing.T) {
	m := boot(t)
	for _, program := range []string{"health", "one"} {
		t.Run(program, func(t *testing.T) {
			ref := m.deploy(program, slipway.ProtocolHTTP, checked(program, "/health", 1))
			_, before := m.get(ref, "/")
			text := map[string]string{"health": "check 4", "one": "one /health"}[program]
			until(t, "it was checked several times", func() bool {
				lines := m.logs.find(text)
				return len(lines) >= 4 || program == "health" && len(lines) > 0
			})
			resp, after := m.get(ref, "/")
			if resp.ColdStart || after != before || len(m.logs.find("unhealthy")) != 0 {
				t.Errorf("cold start %v, %q after %q", resp.ColdStart, after, before)
			}
		})
	}
}

func TestBusyInstanceIsNotChecked(t *testing.T) {
	m := boot(t)
	alone := m.deploy("alone", slipway.ProtocolHTTP, checked("health", "/health", 1))
	shared := m.deploy("shared", slipway.ProtocolHTTP, checked("health", "/health", 1, func(c *slipway.Config) { c.Scaling.Concurrency = 2 }))
	if _, said := m.get(alone, "/busy"); said != "0 checks meanwhile" {
		t.Errorf("an instance of one event at a time: %s", said)
	}
	if _, said := m.get(shared, "/busy"); said == "0 checks meanwhile" {
		t.Errorf("an instance of two events at a time: %s", said)
	}
}

func TestHealthAtTheStart(t *testing.T) {
	m := boot(t, func(c *invoker.Config) { c.StartTimeout = time.Second })
	t.Run("events wait until it is healthy", func(t *testing.T) {
		ref := m.deploy("slow", slipway.ProtocolHTTP, checked("health", "/health", 5, func(c *slipway.Config) {
			c.Env, c.Health.Healthy = map[string]string{"READY_AFTER": "5"}, 2
		}))
		m.get(ref, "/")
		until(t, "the line of the second check that was passed", func() bool { return len(m.logs.find("check 6")) > 0 })
	})
	t.Run("one that does not become so is refused", func(t *testing.T) {
		ref := m.deploy("sick", slipway.ProtocolHTTP, checked("health", "/health", 5, func(c *slipway.Config) { c.Env = map[string]string{"READY_AFTER": "1000000"} }))
		resp := m.send(request(ref, "GET", "/", ""))
		wantFailure(t, resp, "Runtime.Unhealthy", "did not become healthy: GET /health was answered with 500")
		if !contains(resp.LogTail, "check 1") {
			t.Errorf("log tail %q", resp.LogTail)
		}
	})
}
