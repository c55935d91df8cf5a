package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// TestTriggersApart: two gateways around a real PostgreSQL and a real nats-server. Each
// message of a stream and each time is one invocation, while one of them is killed.
func TestTriggersApart(t *testing.T) {
	server, postgres, home := testenv.NATS(t), testenv.Postgres(t), t.TempDir()
	gateway := func(id string) (*process, *platform) {
		data := filepath.Join(home, id)
		g := startProcess(t, "gateway", "--listen", "127.0.0.1:0", "--id", id, "--nats", server, "--store", postgres, "--data", data)
		return g, &platform{t: t, url: g.await("Slipway is ready at "), data: data}
	}
	first, p := gateway("one")
	p.key = adminKey(t, p.data)
	_, second := gateway("two")
	second.key = p.key
	startInvoker(t, server, home, "three")
	p.deploy(recorder(t), "rec")

	nc, err := nats.Connect(server)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}}); err != nil {
		t.Fatal(err)
	}
	p.mustCLI("triggers", "put", "orders", "--function", "rec", "--nats", "orders.paid", "--stream", "ORDERS")
	p.mustCLI("triggers", "put", "tick", "--function", "rec", "--cron", "@every 1s", "--missed", "all")
	testenv.Eventually(t, 20*time.Second, func() error {
		_, err := js.Consumer(t.Context(), "ORDERS", "slipway--default--orders")
		return err
	})
	const orders = 100
	for i := range orders {
		if _, err := js.Publish(t.Context(), "orders.paid", fmt.Appendf(nil, `{"order":%d}`, i)); err != nil {
			t.Fatal(err)
		}
		if i == orders/2 {
			first.end(syscall.SIGKILL)
		}
	}
	testenv.Eventually(t, 90*time.Second, func() error {
		if n := second.succeeded("trigger:orders"); n != orders {
			return fmt.Errorf("%d orders were done", n)
		}
		return nil
	})
	ticks := second.succeeded("trigger:tick")
	testenv.Eventually(t, 60*time.Second, func() error { // the other gateway takes the times over
		if n := second.succeeded("trigger:tick"); n < ticks+2 {
			return fmt.Errorf("%d times were done, and %d before", n, ticks)
		}
		return nil
	})
	second.mustCLI("triggers", "delete", "orders")
	second.mustCLI("triggers", "delete", "tick")
	if _, err := js.Consumer(t.Context(), "ORDERS", "slipway--default--orders"); err == nil {
		t.Error("the consumer of a trigger that was deleted is still there")
	}
	if n := second.succeeded("trigger:orders"); n != orders {
		t.Errorf("%d orders were done, want %d", n, orders)
	}
	_, body := second.api("GET", "/metrics", "")
	if !strings.Contains(body, `slipway_invoker_up{invoker="three"} 1`) {
		t.Error("/metrics of a gateway alone does not know the invoker")
	}
}

// succeeded is how many invocations of a source have succeeded.
func (p *platform) succeeded(source string) (n int) {
	p.t.Helper()
	for cursor, more := "", true; more; more = cursor != "" {
		_, body := p.api("GET", "/v1/invocations?function=rec&state=succeeded&limit=1000&cursor="+cursor, "")
		var list slipway.List[slipway.Invocation]
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			p.t.Fatalf("%v: %s", err, body)
		}
		for _, i := range list.Items {
			if i.Source == source {
				n++
			}
		}
		cursor = list.Next
	}
	return n
}

// TestTriggerSubmitsJobs: a trigger's job runs, and is told what set it off.
func TestTriggerSubmitsJobs(t *testing.T) {
	p := boot(t)
	p.deploy(goServer(t, ``), "image")
	p.mustCLI("definitions", "put", "say", "--image", "image", "--", "/bin/sh", "-c", "true")
	p.mustCLI("triggers", "put", "go", "--job", "say", "--webhook")
	_, answer := p.hook("go", "", "hello", "Idempotency-Key", "k")
	_, again := p.hook("go", "", "hello", "Idempotency-Key", "k")
	var doc struct{ Firings []slipway.Firing }
	if err := json.Unmarshal([]byte(answer), &doc); err != nil || len(doc.Firings) != 1 || doc.Firings[0].Job == "" || again != answer {
		t.Fatalf("%v: %s, then %s", err, answer, again)
	}
	_, body := p.api("GET", "/v1/jobs/"+doc.Firings[0].Job, "")
	var job slipway.Job
	if err := json.Unmarshal([]byte(body), &job); err != nil || job.Overrides == nil || job.Overrides.Env["SLIPWAY_EVENT"] != "hello" || job.Overrides.Env["SLIPWAY_TRIGGER"] != "go" {
		t.Errorf("%v: %s", err, body)
	}
}
