package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// awaitIdle waits until the function has n instances that wait for events, all of one
// version, and nothing else.
func (p *platform) awaitIdle(t *testing.T, function string, version, n int) []instance {
	t.Helper()
	var got []instance
	testenv.Eventually(t, 30*time.Second, func() error {
		got = p.instances(t, function)
		for _, in := range got {
			if in.Version != version || in.State != "idle" && in.State != "frozen" {
				return fmt.Errorf("instances = %+v, want %d of version %d", got, n, version)
			}
		}
		if len(got) != n {
			return fmt.Errorf("instances = %+v, want %d of version %d", got, n, version)
		}
		return nil
	})
	return got
}

// scale changes the scaling of a function with the command line.
func (p *platform) scale(t *testing.T, function string, flags ...string) {
	t.Helper()
	if status, _, stderr := p.cli(append([]string{"scale", function}, flags...)...); status != 0 {
		t.Fatalf("scale: exit status %d, %s", status, stderr)
	}
}

// TestKeepsInstances: scaling.min and scaling.provisioned are true at every moment.
func TestKeepsInstances(t *testing.T) {
	p := boot(t)
	program := goServer(t, `if r.URL.Path == "/crash" { os.Exit(3) }; io.WriteString(w, "ok")`)
	p.deploy(program, "svc")
	p.put("svc", `{"release":{"window":"0s"}}`, http.StatusOK, "") // nothing stands by for a rollback
	p.scale(t, "svc", "--min", "2", "--idle-timeout", "1s")
	before := p.awaitIdle(t, "svc", 1, 2)
	res, body := p.event("GET", "/fn/svc/", "")
	checkAnswer(t, res, body, "ok")
	if cold := res.Header.Get("X-Slipway-Cold-Start"); cold != "false" {
		t.Errorf("the first event was cold: %s", cold)
	}

	p.event("GET", "/fn/svc/crash", "")
	after := p.awaitIdle(t, "svc", 1, 2)
	if same := before[0].ID == after[0].ID && before[1].ID == after[1].ID; same {
		t.Errorf("instances = %+v, as before one crashed", after)
	}

	p.deploy(goServer(t, `io.WriteString(w, "version two")`), "svc")
	p.awaitIdle(t, "svc", 2, 2) // and those of version 1 go

	p.scale(t, "svc", "--provisioned", "3")
	p.awaitIdle(t, "svc", 2, 3)
	if status, _, stderr := p.cli("rollback", "svc"); status != 0 {
		t.Fatalf("rollback: exit status %d, %s", status, stderr)
	}
	p.awaitIdle(t, "svc", 1, 3)

	p.stop()
	p = bootIn(t, p.data)
	p.awaitIdle(t, "svc", 1, 3)

	p.scale(t, "svc", "--min", "0", "--provisioned", "0")
	p.awaitIdle(t, "svc", 1, 0)
}

// TestIdleLife: an instance that is idle is frozen, answers again as if it had not been,
// and goes.
func TestIdleLife(t *testing.T) {
	p := boot(t, "--freeze-after", "200ms", "--reclaim-after", "500ms")
	p.deploy(goServer(t, `io.WriteString(w, "ok")`), "svc")
	var id string
	for range 3 {
		res, body := p.event("GET", "/fn/svc/", "")
		checkAnswer(t, res, body, "ok")
		testenv.Eventually(t, 10*time.Second, func() error {
			got := p.instances(t, "svc")
			if len(got) != 1 || got[0].State != "frozen" && got[0].State != "reclaimed" {
				return fmt.Errorf("instances = %+v, want one that is frozen", got)
			}
			if id == "" {
				id = got[0].ID
			}
			if got[0].ID != id || res.Header.Get("X-Slipway-Cold-Start") != "false" {
				return fmt.Errorf("instances = %+v, cold start %s; want that of the first event, %s", got, res.Header.Get("X-Slipway-Cold-Start"), id)
			}
			return nil
		})
	}
	p.scale(t, "svc", "--idle-timeout", "1s", "--idle-min", "1s")
	p.awaitIdle(t, "svc", 1, 0)
}

// TestKeepsInstancesApart: two gateways agree on where they are, and what an invoker
// held that is lost starts on another.
func TestKeepsInstancesApart(t *testing.T) {
	nats, postgres := testenv.NATS(t), testenv.Postgres(t)
	p := &platform{t: t, data: filepath.Join(t.TempDir(), "gateway-1")}
	var urls []string
	for _, data := range []string{p.data, filepath.Join(t.TempDir(), "gateway-2")} {
		gateway := startProcess(t, "gateway", "--listen", "127.0.0.1:0", "--nats", nats, "--store", postgres, "--data", data)
		urls = append(urls, gateway.await("Slipway is ready at "))
	}
	p.url, p.key = urls[0], adminKey(t, p.data) // made by the first
	home := t.TempDir()
	one := startInvoker(t, nats, home, "one")
	startInvoker(t, nats, home, "two")
	testenv.Eventually(t, 10*time.Second, func() error {
		if n := len(p.invokers(t)); n != 2 {
			return fmt.Errorf("the gateway knows %d invokers", n)
		}
		return nil
	})
	p.deploy(goServer(t, `io.WriteString(w, "ok")`), "svc")
	p.scale(t, "svc", "--min", "2", "--max", "2", "--idle-timeout", "1s")
	if at := p.awaitIdle(t, "svc", 1, 2); at[0].Invoker == at[1].Invoker {
		t.Errorf("instances = %+v, want one on each invoker", at)
	}
	one.end(syscall.SIGKILL)
	for _, in := range p.awaitIdle(t, "svc", 1, 2) {
		if in.Invoker != "two" {
			t.Errorf("instances = %+v, want both on the invoker that is left", in)
		}
	}
	if res, body := p.event("GET", "/fn/svc/", ""); res.StatusCode != http.StatusOK || res.Header.Get("X-Slipway-Cold-Start") != "false" {
		t.Errorf("%s %s, cold start %s", res.Status, body, res.Header.Get("X-Slipway-Cold-Start"))
	}
	startInvoker(t, nats, home, "one")

	if status, _, stderr := p.cli("pause", "svc"); status != 0 {
		t.Fatalf("pause: exit status %d, %s", status, stderr)
	}
	p.url = urls[1] // the other gateway learns it by the notice
	testenv.Eventually(t, 10*time.Second, func() error {
		if res, body := p.event("GET", "/fn/svc/", ""); res.StatusCode != http.StatusServiceUnavailable {
			return fmt.Errorf("%s %s", res.Status, body)
		}
		return nil
	})
	p.awaitIdle(t, "svc", 1, 0)
}
