package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestSDKExamples runs the examples of the Go client against a server.
func TestSDKExamples(t *testing.T) {
	p := boot(t)
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", "^Example", "../../sdk")
	cmd.Env = append(os.Environ(), "SLIPWAY_URL="+p.url, "SLIPWAY_KEY="+p.key)
	said, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(said), "--- PASS: Example") < 3 {
		t.Errorf("%v\n%s", err, said)
	}
}
