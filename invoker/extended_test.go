package invoker_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-run/slipway"
)

// extend puts extensions into the image.
func (m *machine) extend(names ...string) {
	m.t.Helper()
	layer := m.t.TempDir()
	if err := os.Chmod(layer, 0o755); err != nil {
		m.t.Fatal(err)
	}
	dir := filepath.Join(layer, "opt/extensions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		m.t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	program, err := os.ReadFile(filepath.Join(m.image.Layers[0], "fn"))
	if err != nil {
		m.t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), program, 0o755); err != nil {
			m.t.Fatal(err)
		}
	}
	m.image.Layers = append(m.image.Layers[:1:1], layer)
}

func TestExternalExtensions(t *testing.T) {
	t.Run("a life", func(t *testing.T) {
		m := boot(t)
		m.extend("good", "better")
		ref := m.deploy("fn", slipway.ProtocolAuto, func(c *slipway.Config) {
			c.Command, c.Handler = []string{"/fn", "lambda"}, "index.handler"
		})
		r := invocation(ref, `{"a":1}`)
		if got := read(t, m.send(r)); got != `{"a":1}` {
			t.Errorf("%q", got)
		}
		for _, name := range []string{"good", "better"} {
			until(t, name+" gets the event", func() bool { return len(m.logs.find(name+" got INVOKE "+r.ID)) == 1 })
			if len(m.logs.find(name+` registered, handler ""`)) != 1 {
				t.Errorf("%s has a variable that is the program's", name)
			}
		}
		resp := m.send(invocation(ref, `{"do":"crash"}`))
		wantFailure(t, resp, slipway.ErrorTypeExit, "exit status 5")
		until(t, "the extensions hear of it", func() bool { return len(m.logs.find("got SHUTDOWN  FAILURE")) == 2 })
		if next := m.send(invocation(ref, "1")); !next.ColdStart {
			t.Error("the instance was not replaced")
		}
		if err := m.stop(); err != nil {
			t.Error(err)
		}
		if n := len(m.logs.find("got SHUTDOWN  SPINDOWN")); n != 2 {
			t.Errorf("%d extensions heard of the end, want 2", n)
		}
	})
	t.Run("a timeout", func(t *testing.T) {
		m := boot(t)
		m.extend("good")
		ref := m.deploy("fn", slipway.ProtocolLambda, func(c *slipway.Config) { c.Timeout = slipway.Duration(1e9) })
		wantFailure(t, m.send(invocation(ref, `{"do":"sleep"}`)), slipway.ErrorTypeTimeout, "1.00 seconds")
		until(t, "the extension hears of it", func() bool { return len(m.logs.find("good got SHUTDOWN  TIMEOUT")) == 1 })
	})
	t.Run("one that falls", func(t *testing.T) {
		m := boot(t)
		m.extend("weak")
		ref := m.deploy("fn", slipway.ProtocolLambda)
		r := invocation(ref, `{"do":"sleep"}`)
		wantFailure(t, m.send(r), "Extension.Crash", "RequestId: "+r.ID+" Error: extension weak ended: exit status 4")
	})
	t.Run("one that never registers", func(t *testing.T) {
		m := boot(t)
		m.extend("mute")
		wantFailure(t, m.send(invocation(m.deploy("fn", slipway.ProtocolLambda), "1")), "Extension.Crash", "extension mute ended: exit status 4")
	})
	t.Run("a folder with nothing to start", func(t *testing.T) {
		m := boot(t)
		m.extend("note")
		if err := os.Chmod(filepath.Join(m.image.Layers[1], "opt/extensions/note"), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := read(t, m.send(invocation(m.deploy("fn", slipway.ProtocolLambda), "1"))); got != "1" {
			t.Errorf("%q", got)
		}
	})
}
