package invoker_test

import (
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
)

// TestLogTail: who asks for it gets what the function printed for the event, also when it
// succeeded, and nothing of the events before.
func TestLogTail(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolLambda)
	ask := func(body string) *slipway.Response {
		r := invocation(ref, body)
		r.Header["X-Slipway-Log-Type"] = []string{"Tail"}
		return m.send(r)
	}
	for range 3 {
		r := invocation(ref, `{"do":"say"}`)
		r.Header["X-Slipway-Log-Type"] = []string{"tail"}
		resp := m.send(r)
		read(t, resp)
		if want := "a line of " + r.ID + "\nand half a one"; resp.LogTail != want {
			t.Errorf("log tail %q, want %q", resp.LogTail, want)
		}
		if lines := m.logs.find("a line of " + r.ID); len(lines) != 1 || lines[0].Invocation != r.ID {
			t.Errorf("in the log: %+v", lines)
		}
	}
	if resp := ask(`{"do":"loud"}`); len(resp.LogTail) != 4096 || !strings.HasSuffix(resp.LogTail, "loud end\n") {
		t.Errorf("%d bytes of log: %.100q", len(resp.LogTail), resp.LogTail)
	}
	if resp := ask(`{"do":"stream"}`); resp.LogTail != "part 0\npart 1\npart 2\n" || read(t, resp) != "xxx" || resp.Header["Content-Type"][0] != "text/plain" {
		t.Errorf("streamed: %+v", resp)
	}
	if resp := m.send(invocation(ref, `{"do":"say"}`)); resp.LogTail != "" {
		t.Errorf("nobody asked for %q", resp.LogTail)
	}
	if resp := ask(`{"do":"fail"}`); resp.FunctionError == nil || resp.LogTail != "" {
		t.Errorf("it printed nothing for the event: %q", resp.LogTail)
	}
	if resp := ask(`{"do":"crash"}`); !strings.HasPrefix(resp.LogTail, "about to fall\n") {
		t.Errorf("crash: %q", resp.LogTail)
	}
	stdio := m.deploy("st", slipway.ProtocolStdio)
	r := invocation(stdio, "hello")
	r.Header["X-Slipway-Log-Type"] = []string{"Tail"}
	if resp := m.send(r); resp.FunctionError != nil {
		t.Errorf("stdio: %v", resp.FunctionError)
	}
}
