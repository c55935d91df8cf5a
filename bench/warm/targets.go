package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// target is one way to reach the program.
type target struct {
	name      string
	url       string
	processes []int            // that serve; their children count too
	samples   map[int][]sample // by number of connections
}

func newTarget(name, url string, processes ...int) *target {
	return &target{name: name, url: url, processes: processes, samples: map[int][]sample{}}
}

const (
	direct  = "direct"
	goProxy = "ReverseProxy"
	slipway = "slipway"
)

// targets starts everything that is measured; stop ends it all.
func (b *bench) targets(ctx context.Context, dir string) (all []*target, stop func(), err error) {
	var stops []func()
	stop = func() {
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
	}
	program, err := rig.Compile(ctx, b.program, dir)
	if err != nil {
		return nil, stop, err
	}
	address := freeAddress()
	app, err := start(exec.Command(program), address, "PORT="+port(address))
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, app.stop)
	all = append(all, newTarget(direct, "http://"+address+"/", app.pid()))

	if nginx, err := startNginx(dir, address); err != nil {
		b.missing = append(b.missing, err.Error())
	} else {
		stops = append(stops, nginx.stop)
		all = append(all, newTarget("nginx", "http://"+nginx.address+"/", nginx.pid(), app.pid()))
	}
	proxy, err := startProxy(address)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, proxy.stop)
	all = append(all, newTarget(goProxy, "http://"+proxy.address+"/", proxy.pid(), app.pid()))

	for _, ours := range []struct{ name, binary string }{{slipway, b.binary}, {slipway + " (other)", b.other}} {
		if ours.binary == "" {
			continue
		}
		server, err := rig.Start(ctx, ours.binary)
		if err != nil {
			return nil, stop, err
		}
		stops = append(stops, func() { server.Stop() })
		if err := deploy(ctx, server, filepath.Dir(program)); err != nil {
			return nil, stop, err
		}
		all = append(all, newTarget(ours.name, server.URL+"/fn/warm/", server.PID()))
	}
	return all, stop, nil
}

// deploy makes the program a function and calls it until it is warm.
func deploy(ctx context.Context, server *rig.Server, folder string) error {
	config := fmt.Sprintf(`{"cpu":%d,"scaling":{"concurrency":100}}`, runtime.NumCPU())
	if err := server.API(ctx, "PUT", "/v1/functions/warm", config, new(any)); err != nil {
		return err
	}
	if said, err := server.Command(ctx, "deploy", folder, "--name", "warm"); err != nil {
		return fmt.Errorf("deploy: %w: %s", err, said)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		res, err := http.Get(server.URL + "/fn/warm/")
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the function answers %s", res.Status)
		}
	}
}
