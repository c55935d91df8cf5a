package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// TestAsyncApart: two gateways share the events, around a real PostgreSQL and a real
// nats-server. What one has accepted the other knows at once, and what one has when it is
// killed the other runs again.
func TestAsyncApart(t *testing.T) {
	nats, postgres := testenv.NATS(t), testenv.Postgres(t)
	start := func() (*process, *platform) {
		data := filepath.Join(t.TempDir(), "gateway")
		p := startProcess(t, "gateway", "--listen", "127.0.0.1:0", "--nats", nats, "--store", postgres, "--data", data)
		return p, &platform{t: t, url: p.await("Slipway is ready at "), data: data}
	}
	first, a := start()
	a.key = adminKey(t, a.data)
	second, b := start()
	b.key = a.key
	invoker := startInvoker(t, nats, t.TempDir(), "one")
	testenv.Eventually(t, 10*time.Second, func() error {
		if n := len(a.invokers(t)); n != 1 {
			return fmt.Errorf("the gateway knows %d invokers", n)
		}
		return nil
	})
	a.configure(t, "fn", `{"async":{"backoff":"0s"},"timeout":"60s","scaling":{"max":2,"concurrency":20}}`)
	a.deploy(goServer(t, strings.Replace(asyncSource, "20 * time.Second", "4 * time.Second", 1)), "fn")

	for n := range 50 {
		id := a.accept("fn", fmt.Sprint(n))
		if i := b.invocation(id, false); i.ID != id {
			t.Fatalf("%+v", i)
		}
	}
	large := strings.Repeat("x", 3<<20)
	if i := b.invocation(a.accept("fn", large), true); i.State != slipway.InvocationSucceeded || !strings.Contains(string(i.Result), fmt.Sprint(len(large))) {
		t.Errorf("a large event: %+v", i)
	}

	ids := make([]string, 20)
	for n := range ids {
		ids[n] = a.accept("fn", "slow")
	}
	testenv.Eventually(t, 10*time.Second, func() error {
		for _, id := range ids {
			if i := b.invocation(id, false); i.State != slipway.InvocationRunning {
				return fmt.Errorf("%s is %s", id, i.State)
			}
		}
		return nil
	})
	for _, id := range ids[:4] { // of these, some are at the gateway that is not asked
		if res, body := b.api("POST", "/v1/invocations/"+id+"/cancel", ""); res.StatusCode != http.StatusOK {
			t.Errorf("%s %s", res.Status, body)
		}
	}
	for _, id := range ids[:4] {
		if i := b.invocation(id, true); i.State != slipway.InvocationCancelled {
			t.Errorf("%+v", i)
		}
	}
	first.end(syscall.SIGKILL)
	again := 0
	for _, id := range ids[4:] {
		i := b.invocation(id, true)
		for !i.State.Ended() { // a call waits for half a minute at most
			i = b.invocation(id, true)
		}
		if i.State != slipway.InvocationSucceeded {
			t.Errorf("%+v", i)
		}
		if last := i.Attempts[len(i.Attempts)-1]; last.Attempt != len(i.Attempts) {
			t.Errorf("attempts %+v", i.Attempts)
		} else if last.Attempt > 1 {
			again++
		}
	}
	t.Logf("%d of %d events were at the gateway that was killed, and ran again", again, len(ids)-4)
	for _, part := range []*process{second, invoker} {
		if status := part.end(syscall.SIGTERM); status != 0 {
			t.Errorf("exit status %d after SIGTERM:\n%s", status, part.log)
		}
	}
}
