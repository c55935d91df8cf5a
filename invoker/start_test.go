package invoker_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker"
)

func command(args ...string) func(*slipway.Config) {
	return func(c *slipway.Config) { c.Command = args }
}

func TestStartsThatFail(t *testing.T) {
	m := boot(t, func(c *invoker.Config) { c.StartTimeout = 500 * time.Millisecond })
	tests := []struct {
		name      string
		protocol  slipway.Protocol
		change    func(*slipway.Config)
		errorType string
		want      []string
		tail      string
	}{
		{"nothing-listens", slipway.ProtocolHTTP, command("/fn", "idle"), "Runtime.StartTimeout", []string{"nothing listens on port 8080 after 500ms"}, "just thinking"},
		{"nobody-polls", slipway.ProtocolLambda, command("/fn", "idle"), "Runtime.StartTimeout", []string{"Runtime API", "500ms"}, "just thinking"},
		{"ends-at-once", slipway.ProtocolHTTP, command("/fn", "exit"), slipway.ErrorTypeExit, []string{"exit status 7"}, "no database"},
		{"no-such-program", slipway.ProtocolHTTP, command("/nothing"), "Runtime.InvalidEntrypoint", []string{"/nothing", "no such file"}, ""},
		{"init-error", slipway.ProtocolLambda, func(c *slipway.Config) { c.Env = map[string]string{"INIT": "fail"} }, "Runtime.ImportModuleError", []string{"No module named x"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := m.send(request(m.deploy(tt.name, tt.protocol, tt.change), "GET", "/", ""))
			wantFailure(t, resp, tt.errorType, tt.want...)
			if tt.tail != "" && len(m.logs.find(tt.tail)) == 0 || !contains(resp.LogTail, tt.tail) {
				t.Errorf("log tail %q, want %q", resp.LogTail, tt.tail)
			}
		})
	}
	t.Run("no command at all", func(t *testing.T) {
		m.mu.Lock()
		m.image.Entrypoint, m.image.Cmd = nil, nil
		m.mu.Unlock()
		_, err := m.Invoke(t.Context(), request(m.deploy("none", slipway.ProtocolHTTP, command()), "GET", "/", ""))
		wantKind(t, err, slipway.ErrInvalid, "neither an entrypoint nor a command")
	})
}

func TestSlowStart(t *testing.T) {
	m := boot(t)
	ref := m.deploy("slow", slipway.ProtocolHTTP, func(c *slipway.Config) { c.Env = map[string]string{"DELAY": "300ms"} })
	if resp, _ := m.get(ref, "/"); !resp.ColdStart || resp.Phases.Start < 300*time.Millisecond {
		t.Errorf("%+v", resp)
	}
}
