package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// functions is how many take turns, so that each has time to become idle.
const functions = 5

// language is an interpreter, and a handler for it.
type language struct {
	name, folder string
	bare         []string // the interpreter with nothing to do
}

var languages = []language{
	{"python", "bench/runtime/testdata/python", []string{"python3", "-c", "pass"}},
	{"node", "bench/runtime/testdata/node", []string{"node", "-e", "0"}},
}

// measureColdStarts measures first answers.
func (b *bench) measureColdStarts(ctx context.Context, w io.Writer, server *rig.Server) error {
	for _, l := range languages {
		all, err := l.contenders(ctx, server)
		if err != nil {
			return err
		}
		if err := turns(ctx, b.rounds, all); err != nil {
			return err
		}
		report(w, l.name+", cold → answer", "the bare interpreter", all)
		over := rig.Quantile(all[1].took, 50) - rig.Quantile(all[0].took, 50)
		fmt.Fprintf(w, "A handler's cold start takes %s more than the interpreter's (p50).\n\n", rig.Millis(over))
	}
	return nil
}

func (l language) contenders(ctx context.Context, server *rig.Server) ([]*contender, error) {
	command, err := json.Marshal(l.bare)
	if err != nil {
		return nil, err
	}
	bare := l.name + "-bare"
	if err := deploy(ctx, server, bare, l.folder, fmt.Sprintf(`{"protocol":"stdio","command":%s}`, command)); err != nil {
		return nil, err
	}
	for i := range functions {
		if err := deploy(ctx, server, l.function(i), l.folder, `{"scaling":{"idle_timeout":"1s"}}`); err != nil {
			return nil, err
		}
	}
	next := 0
	all := []*contender{
		{name: "the bare interpreter, same image and sandbox", once: func(ctx context.Context) (time.Duration, error) { return ask(ctx, server, bare) }},
		{name: "slipway serve, handler", once: func(ctx context.Context) (time.Duration, error) {
			next++
			return l.cold(ctx, server, next)
		}},
	}
	if program, err := exec.LookPath(l.bare[0]); err == nil {
		all = append(all, &contender{name: "this machine's interpreter, plain process", once: func(ctx context.Context) (time.Duration, error) {
			began := time.Now()
			err := exec.CommandContext(ctx, program, l.bare[1:]...).Run()
			return time.Since(began), err
		}})
	}
	return all, nil
}

func (l language) function(i int) string { return fmt.Sprintf("%s-cold-%d", l.name, i%functions) }

// cold sends an event to a function of which nothing runs.
func (l language) cold(ctx context.Context, server *rig.Server, i int) (time.Duration, error) {
	name := l.function(i)
	if err := awaitIdle(ctx, server, name); err != nil {
		return 0, err
	}
	return ask(ctx, server, name)
}

// ask sends an event for which something has to be started.
func ask(ctx context.Context, server *rig.Server, name string) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/fn/"+name+"/", nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	took := time.Since(began)
	switch {
	case err != nil:
		return 0, err
	case res.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("%s: %.300s", res.Status, body)
	case len(body) > 0 && res.Header.Get("X-Slipway-Cold-Start") != "true": // the bare one says nothing
		return 0, errors.New("the call was not cold")
	}
	return took, nil
}

func awaitIdle(ctx context.Context, server *rig.Server, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var list struct{ Items []json.RawMessage }
		if err := server.API(ctx, "GET", "/v1/functions/"+name+"/instances", "", &list); err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("instances of %s do not stop: %w", name, ctx.Err())
		}
	}
}
