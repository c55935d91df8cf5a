package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
)

// TestTenants: the limit of a tenant holds from when it is set, until an answer has ended.
func TestTenants(t *testing.T) {
	p := boot(t)
	p.deploy(labelled(t), "svc")
	p.scale(t, "svc", "--concurrency", "10")
	status, out, stderr := p.cli("tenants", "set", "default", "--max-concurrency", "1", "-o", "json")
	var set slipway.Tenant
	if err := json.Unmarshal([]byte(out), &set); status != 0 || err != nil || set.Name != "default" || set.MaxConcurrency != 1 {
		t.Fatalf("tenants set: exit status %d, %q %q, %v", status, out, stderr, err)
	}
	finish := p.openStream("/fn/svc/echo")
	res, body := p.event("GET", "/fn/svc/", "")
	wantError(t, res, body, http.StatusTooManyRequests, "limit", `tenant's concurrency: tenant "default" may have 1 events in flight`)
	if res.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", res.Header.Get("Retry-After"))
	}
	if got := finish("done"); got != "done" {
		t.Errorf("the stream gave %q", got)
	}
	awaitOK(t, p, "/fn/svc/")

	if status, _, stderr := p.cli("scale", "svc", "--reserved", "2"); status != 1 || !strings.Contains(stderr, "1 left to reserve") {
		t.Errorf("scale: exit status %d, %q", status, stderr)
	}
	if status, out, _ := p.cli("scale", "svc", "--reserved", "1"); status != 0 || !strings.Contains(out, "RESERVED") {
		t.Errorf("scale: exit status %d, %q", status, out)
	}
	if status, _, stderr := p.cli("tenants", "set", "team-a"); status != 0 {
		t.Errorf("tenants set: exit status %d, %q", status, stderr)
	}
	if _, out, _ := p.cli("tenants"); !strings.Contains(out, "team-a") || !strings.Contains(out, "no limit") {
		t.Errorf("tenants prints\n%s", out)
	}
	if status, out, _ := p.cli("tenants", "show", "team-a"); status != 0 || !strings.Contains(out, "no limit") {
		t.Errorf("tenants show: exit status %d, %q", status, out)
	}
	if status, _, stderr := p.cli("tenants", "delete", "default"); status != 1 || !strings.Contains(stderr, "cannot be deleted") {
		t.Errorf("tenants delete: exit status %d, %q", status, stderr)
	}
	if status, _, stderr := p.cli("tenants", "delete", "team-a"); status != 0 {
		t.Errorf("tenants delete: exit status %d, %q", status, stderr)
	}
}

// TestTwoTenants: functions of the same name answer at hosts of their own.
func TestTwoTenants(t *testing.T) {
	p := boot(t)
	if status, _, stderr := p.cli("tenants", "set", "acme"); status != 0 {
		t.Fatalf("tenants set: exit status %d, %s", status, stderr)
	}
	_, body := p.api("POST", "/v1/keys", `{"tenant":"acme"}`)
	var key struct{ Key string }
	if err := json.Unmarshal([]byte(body), &key); err != nil || key.Key == "" {
		t.Fatalf("key: %v: %s", err, body)
	}
	theirs := *p
	theirs.key = key.Key
	p.deploy(goServer(t, `io.WriteString(w, "ours")`), "web")
	theirs.deploy(goServer(t, `io.WriteString(w, "theirs")`), "web")

	for host, want := range map[string]string{"web.localhost": "ours", "web.acme.localhost": "theirs", "live--web.acme.localhost": "theirs"} {
		res, body := p.eventByHost(t, host, "")
		checkAnswer(t, res, body, want)
	}
	if res, body := p.eventByHost(t, "web.nobody.localhost", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("a tenant that is none: %s %s", res.Status, body)
	}
	if _, stdout, _ := theirs.cli("functions"); !strings.Contains(stdout, "http://web.acme.localhost:") {
		t.Errorf("the list of functions does not say where it answers:\n%s", stdout)
	}
}
