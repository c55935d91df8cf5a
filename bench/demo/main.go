// Command demo shows Slipway at work and measures it: it starts a throw-away server,
// deploys the examples as a user would, calls each cold and warm, and prints a table.
// Nothing is left behind, also after Ctrl-C.
//
//	go run ./bench/demo -slipway bin/slipway
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// An example is one folder of examples/ and what calls it.
type example struct {
	name string // of the folder and of the function
	body string // of the request
	want string // what the answer must hold
}

var examples = []example{
	{"go-http", "", "Hello"},
	{"go-lambda", `{"name":"demo"}`, "Hello"},
	{"python-handler", `{"name":"demo"}`, "Hello"},
	{"python-wsgi", "", "Hello"},
	{"node-handler", `{"name":"demo"}`, "Hello"},
	{"node-http", "", "Hello"},
	{"shell-stdio", "demo", "demo"},
}

func main() {
	var d demo
	flag.StringVar(&d.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.StringVar(&d.examples, "examples", "examples", "the folder of the examples")
	flag.IntVar(&d.rounds, "rounds", 5, "cold starts per function")
	flag.IntVar(&d.calls, "calls", 300, "warm calls per function")
	flag.Parse()
	rig.Main(d.run)
}

type demo struct {
	binary, examples string
	rounds, calls    int
}

func (d *demo) run(ctx context.Context, w io.Writer) error {
	began := time.Now()
	started, err := rig.Start(ctx, d.binary)
	if err != nil {
		return err
	}
	defer started.Stop()
	server := server{started}
	fmt.Fprintf(w, "A throw-away server is ready at %s\n\n", server.URL)

	var rows []row
	for _, ex := range examples {
		row := d.deploy(ctx, server, ex, w)
		rows = append(rows, row)
	}
	fmt.Fprintf(w, "\nCalling each: %d cold starts, %d warm calls\n", d.rounds, d.calls)
	if err := d.measure(ctx, server, rows, w); err != nil {
		return err
	}
	docker := measureDocker(ctx, d.rounds)
	if err := ctx.Err(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nStopping the server … ")
	if err := server.Stop(); err != nil {
		return err
	}
	fmt.Fprintf(w, "done in %s altogether\n\n", time.Since(began).Round(time.Second))
	return report(w, rows, docker)
}

// deploy deploys one example through the command line, and shows what that prints.
func (d *demo) deploy(ctx context.Context, s server, ex example, w io.Writer) row {
	fmt.Fprintf(w, "slipway deploy %s/%s --name %s\n", d.examples, ex.name, ex.name)
	began := time.Now()
	out, err := s.Command(ctx, "deploy", d.examples+"/"+ex.name, "--name", ex.name)
	r := row{example: ex, build: time.Since(began)}
	for _, line := range lastLines(out, 3) {
		fmt.Fprintf(w, "    %s\n", line)
	}
	if err != nil {
		r.failed = fmt.Errorf("deploy: %w", err)
		return r
	}
	r.runtime, r.failed = s.runtime(ctx, ex.name)
	return r
}
