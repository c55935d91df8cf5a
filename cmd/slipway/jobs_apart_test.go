package main

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// TestJobsApart runs an array on a cluster of two gateways and two invokers, and kills one
// of each while it runs: the gateway that schedules, so that the other takes over, and an
// invoker, whose attempts run again on the other.
func TestJobsApart(t *testing.T) {
	nats, postgres := testenv.NATS(t), testenv.Postgres(t)
	gateway := func(id string) (*process, string) {
		g := startProcess(t, "gateway", "--listen", "127.0.0.1:0", "--nats", nats, "--store", postgres, "--id", id, "--data", filepath.Join(t.TempDir(), id))
		return g, g.await("Slipway is ready at ")
	}
	data := filepath.Join(t.TempDir(), "one")
	first := startProcess(t, "gateway", "--listen", "127.0.0.1:0", "--nats", nats, "--store", postgres, "--id", "g-one", "--data", data)
	p := &platform{t: t, url: first.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)
	home := t.TempDir()
	one := startInvoker(t, nats, home, "one")
	startInvoker(t, nats, home, "two")
	testenv.Eventually(t, 10*time.Second, func() error {
		if n := len(p.invokers(t)); n != 2 {
			return fmt.Errorf("the gateway knows %d invokers", n)
		}
		return nil
	})
	p.worker()
	second, url := gateway("g-two") // the first schedules: it had the lease before there was another

	const size = 300
	array := p.submit(fmt.Sprintf(`{"name":"a","definition":"work","array":{"size":%d},"overrides":{"arguments":["20ms"]}}`, size))
	reach := func(n int) {
		t.Helper()
		testenv.Eventually(t, 2*time.Minute, func() error {
			if c := p.job(array.ID).Array.Counts; c[slipway.JobSucceeded] < n {
				return fmt.Errorf("%v of %d", c, size)
			}
			return nil
		})
	}
	reach(size / 10)
	first.end(syscall.SIGKILL)
	p.url = url
	reach(size / 2)
	one.end(syscall.SIGKILL)
	if job := p.finished(array.ID); job.Status != slipway.JobSucceeded {
		t.Errorf("the array is %s: %s", job.Status, job.StatusReason)
	}
	check := jobAccount{t: t}
	for _, child := range p.allChildren(array.ID) {
		check.add(child)
	}
	twice := p.printedTwice(array.ID)
	t.Logf("%d jobs, %d attempts, of which %d were lost; %d attempts printed twice", check.jobs, check.attempts, check.lost, twice)
	if check.jobs != size || twice > 0 {
		t.Errorf("%d jobs of %d, %d attempts ran twice", check.jobs, size, twice)
	}
	if status := second.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d after SIGTERM", status)
	}
}
