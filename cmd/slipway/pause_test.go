package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestPause: a paused function answers nothing, costs nothing, and stays so until it is
// resumed.
func TestPause(t *testing.T) {
	p := boot(t)
	program := goServer(t, `io.WriteString(w, "ok")`)
	p.deploy(program, "svc")
	p.scale(t, "svc", "--min", "1")
	p.awaitIdle(t, "svc", 1, 1)

	status, stdout, stderr := p.cli("pause", "svc")
	if status != 0 || !strings.Contains(stdout, "slipway resume svc") {
		t.Fatalf("pause: exit status %d, %q, %q", status, stdout, stderr)
	}
	paused := func() {
		t.Helper()
		res, body := p.event("GET", "/fn/svc/", "")
		wantError(t, res, body, http.StatusServiceUnavailable, "unavailable", "is paused; 'slipway resume svc'")
		if res.Header.Get("Retry-After") == "" {
			t.Error("the answer has no Retry-After")
		}
		p.awaitIdle(t, "svc", 1, 0)
	}
	paused()
	if _, stdout, _ := p.cli("functions"); !strings.Contains(stdout, "1, paused") {
		t.Errorf("functions prints %q", stdout)
	}
	if status, _, stderr := p.cli("invoke", "svc", "-d", "{}"); status != 1 || !strings.Contains(stderr, "is paused") {
		t.Errorf("invoke: exit status %d, %q", status, stderr)
	}

	p.stop()
	p = bootIn(t, p.data)
	paused()

	// What a deploy publishes waits; the instance that was checked does not stay.
	status, stdout, stderr = p.cli("deploy", goServer(t, `io.WriteString(w, "version two")`), "--name", "svc")
	if status != 0 || !strings.Contains(stdout+stderr, "the function is paused") {
		t.Errorf("deploy: exit status %d, %q, %q", status, stdout, stderr)
	}
	paused()

	if status, _, stderr := p.cli("resume", "svc"); status != 0 {
		t.Fatalf("resume: exit status %d, %q", status, stderr)
	}
	p.awaitIdle(t, "svc", 2, 1)
	res, body := p.event("GET", "/fn/svc/", "")
	checkAnswer(t, res, body, "version two")
}

// TestUnchangedDeployLeavesNothing: the instance with which a build was checked goes at
// once when its version is dropped.
func TestUnchangedDeployLeavesNothing(t *testing.T) {
	p := boot(t)
	program := goServer(t, `io.WriteString(w, "ok")`)
	p.deploy(program, "svc")
	before := p.awaitIdle(t, "svc", 1, 1)
	p.deploy(program, "svc")
	if after := p.awaitIdle(t, "svc", 1, 1); after[0].ID != before[0].ID {
		t.Errorf("instances = %+v, want %+v alone", after, before)
	}
}
