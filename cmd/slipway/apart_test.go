package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// TestApart runs the pieces as a cluster does: a gateway and two invokers in processes
// of their own, around a real PostgreSQL and a real nats-server.
func TestApart(t *testing.T) {
	nats, postgres := testenv.NATS(t), testenv.Postgres(t)
	data := filepath.Join(t.TempDir(), "gateway")
	gateway := startProcess(t, "gateway", "--listen", "127.0.0.1:0", "--nats", nats, "--store", postgres, "--data", data)
	p := &platform{t: t, url: gateway.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)

	home := t.TempDir()
	invokers := map[string]*process{"one": startInvoker(t, nats, home, "one"), "two": startInvoker(t, nats, home, "two")}
	testenv.Eventually(t, 10*time.Second, func() error {
		if n := len(p.invokers(t)); n != 2 {
			return fmt.Errorf("the gateway knows %d invokers", n)
		}
		return nil
	})

	p.checkJob()
	p.deploy(goServer(t, `fmt.Fprint(w, os.Getenv("SLIPWAY_INSTANCE"))`), "who")
	res, body := p.event("GET", "/fn/who/", "")
	checkAnswer(t, res, body, "-")

	// The invoker that built the version goes; the other must find the image and serve.
	instance := p.instances(t, "who")[0]
	before := ownedBy(t, filepath.Join(home, instance.Invoker))
	invokers[instance.Invoker].end(syscall.SIGKILL)
	testenv.Eventually(t, 15*time.Second, func() error {
		if res, body := p.event("GET", "/fn/who/", ""); res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %s", res.Status, body)
		}
		return nil
	})
	if got := p.instances(t, "who"); len(got) == 0 || got[0].Invoker == instance.Invoker {
		t.Errorf("instances = %+v, want one on the other invoker", got)
	}

	// The one that was killed comes back, and nothing of its life before is left.
	invokers[instance.Invoker] = startInvoker(t, nats, home, instance.Invoker)
	if still := alive(before.pids); len(before.pids) == 0 || len(still) > 0 {
		t.Errorf("of the processes %v there are still %v", before.pids, still)
	}

	// A second gateway on the same store knows the function from the start.
	second := startProcess(t, "gateway", "--listen", "127.0.0.1:0", "--nats", nats, "--store", postgres, "--data", filepath.Join(t.TempDir(), "gateway-2"))
	p.url = second.await("Slipway is ready at ")
	testenv.Eventually(t, 10*time.Second, func() error {
		if res, body := p.event("GET", "/fn/who/", ""); res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %s", res.Status, body)
		}
		return nil
	})
	for _, part := range []*process{second, gateway, invokers["one"], invokers["two"]} {
		if status := part.end(syscall.SIGTERM); status != 0 {
			t.Errorf("exit status %d after SIGTERM:\n%s", status, part.log)
		}
	}
	for id := range invokers {
		if now := ownedBy(t, filepath.Join(home, id)); !now.empty() {
			t.Errorf("after stopping in order invoker %s still has %+v", id, now)
		}
	}
}

type instance struct {
	ID, Invoker, State string
	Version            int
}

func (p *platform) instances(t *testing.T, function string) []instance {
	t.Helper()
	_, body := p.api("GET", "/v1/functions/"+function+"/instances", "")
	var list struct{ Items []instance }
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return list.Items
}

func (p *platform) invokers(t *testing.T) []json.RawMessage {
	t.Helper()
	_, body := p.api("GET", "/v1/status", "")
	var status struct{ Invokers []json.RawMessage }
	if err := json.Unmarshal([]byte(body), &status); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return status.Invokers
}
