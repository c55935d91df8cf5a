package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/store"
)

// cluster is two gateways and two invokers in processes of their own.
func cluster(t *testing.T, flags ...string) (gateways [2]*platform, db string) {
	t.Helper()
	nats, postgres := testenv.NATS(t), testenv.Postgres(t)
	for i := range gateways {
		data := filepath.Join(t.TempDir(), fmt.Sprint("gateway-", i))
		args := append([]string{"gateway", "--listen", "127.0.0.1:0", "--nats", nats, "--store", postgres, "--data", data}, flags...)
		gateways[i] = &platform{t: t, url: startProcess(t, args...).await("Slipway is ready at "), data: data}
		gateways[i].key = adminKey(t, gateways[0].data) // made by the first
	}
	home := t.TempDir()
	for _, id := range []string{"one", "two"} {
		invoker := startProcess(t, append([]string{"invoker", "--nats", nats, "--id", id, "--data", filepath.Join(home, id)}, flags...)...)
		invoker.await("Slipway's invoker " + id + " is ready")
	}
	testenv.Eventually(t, 10*time.Second, func() error {
		if n := len(gateways[1].invokers(t)); n != 2 {
			return fmt.Errorf("the gateway knows %d invokers", n)
		}
		return nil
	})
	return gateways, postgres
}

// TestDeploysUnderLoadApart: the same as in one process, with deploys and events at both
// gateways, and with changes of which nobody was told.
func TestDeploysUnderLoadApart(t *testing.T) {
	gateways, url := cluster(t, "--refresh", "500ms")
	p := gateways[0]
	p.deploy(labelled(t), "svc")
	awaitOK(t, gateways[1], "/fn/svc/")
	var loads [2]*checkedLoad
	for i, gateway := range gateways {
		loads[i] = startCheckedLoad(gateway.url+"/fn/svc/", 3)
	}
	release := func(i int) {
		t.Helper()
		label := fmt.Sprint("v", i)
		for _, l := range loads {
			l.allow(label)
		}
		gateways[i%2].put("svc", fmt.Sprintf(`{"env":{"LABEL":%q}}`, label), http.StatusOK, "")
	}
	for i := range 20 {
		release(i)
		switch i % 5 {
		case 2:
			if status, _, stderr := p.cli("rollback", "svc"); status != 0 {
				t.Fatalf("rollback: exit status %d, %s", status, stderr)
			}
		case 4:
			p.scale(t, "svc", "--max", fmt.Sprint(8+i))
		}
	}

	// Behind the gateways' backs: the store changes, and no notice goes out.
	db, err := store.Open(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ref := slipway.FunctionRef{Tenant: slipway.DefaultTenant, Function: "svc"}
	_, err = db.PutAlias(t.Context(), slipway.Alias{Tenant: ref.Tenant, Function: ref.Function, Name: slipway.LiveAlias, Version: 1, MovedBy: slipway.MovedByUser})
	if err == nil {
		_, err = db.UpdateFunction(t.Context(), ref, func(f *slipway.Function) error {
			f.Scaling.Concurrency = 4
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range loads {
		before := l.of("")
		testenv.Eventually(t, 30*time.Second, func() error {
			if n := l.of("") - before; n < 50 {
				return fmt.Errorf("gateway %d: %d events went to version 1", i, n)
			}
			return nil
		})
	}
	for _, l := range loads {
		l.stop(t)
	}
	awaitSlots(t, p, 4)
}

// awaitSlots waits until every idle instance of version 1 takes n events at once.
func awaitSlots(t *testing.T, p *platform, n int) {
	t.Helper()
	testenv.Eventually(t, 30*time.Second, func() error {
		_, body := p.api("GET", "/v1/status", "")
		var status slipway.Status
		if err := json.Unmarshal([]byte(body), &status); err != nil {
			return err
		}
		seen := 0
		for _, invoker := range status.Invokers {
			for _, v := range invoker.Versions {
				if v.Version == 1 && v.Free != n*v.Instances {
					return fmt.Errorf("invoker %s has %+v", invoker.ID, v)
				}
				if v.Version == 1 {
					seen++
				}
			}
		}
		if seen == 0 {
			return fmt.Errorf("no invoker has version 1: %s", body)
		}
		return nil
	})
}

func awaitOK(t *testing.T, p *platform, path string) {
	t.Helper()
	testenv.Eventually(t, 10*time.Second, func() error {
		if res, body := p.event("GET", path, ""); res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %s", res.Status, body)
		}
		return nil
	})
}
