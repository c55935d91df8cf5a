package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// TestHealth: a user sees why an instance was replaced, and why a version that is not
// healthy never went live.
func TestHealth(t *testing.T) {
	p := boot(t, "--start-timeout", "2s")
	healthy := goServer(t, `
		switch _, sick := os.Stat("/tmp/sick"); {
		case r.URL.Path == "/fall-ill": os.WriteFile("/tmp/sick", nil, 0o600)
		case r.URL.Path == "/health" && sick == nil: w.WriteHeader(503)
		default: io.WriteString(w, os.Getenv("SLIPWAY_INSTANCE"))
		}`)
	p.deploy(healthy, "svc")
	config := `{"health":{"path":"/health","interval":"1s","timeout":"1s","unhealthy":2},"scaling":{"min":1}}`
	if res, body := p.api("PUT", "/v1/functions/svc", config); res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", res.Status, body)
	}
	_, before := p.event("GET", "/fn/svc/", "")
	p.event("GET", "/fn/svc/fall-ill", "")
	testenv.Eventually(t, 30*time.Second, func() error {
		if _, out, complaint := p.cli("logs", "svc"); !strings.Contains(out, "unhealthy: 2 health checks failed, the last because GET /health was answered with 503") {
			return fmt.Errorf("logs print %q, %q", out, complaint)
		}
		return nil
	})
	testenv.Eventually(t, 30*time.Second, func() error {
		if _, after := p.event("GET", "/fn/svc/", ""); after == before || strings.Contains(after, "error") {
			return fmt.Errorf("answered by %s", after)
		}
		return nil
	})

	status, stdout, stderr := p.cli("deploy", goServer(t, `w.WriteHeader(500)`), "--name", "svc")
	if status != 1 || !strings.Contains(stdout+stderr, "did not become healthy: GET /health was answered with 500") {
		t.Errorf("deploy: exit status %d, %q, %q", status, stdout, stderr)
	}
	_, body := p.api("GET", "/v1/functions/svc", "")
	var f struct{ Live int }
	if err := json.Unmarshal([]byte(body), &f); err != nil || f.Live != 2 {
		t.Errorf("live is %d, %v: %s", f.Live, err, body)
	}
}
