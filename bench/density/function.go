package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// hold is how long an answer of the function takes.
const hold = time.Second

const name = "hold"

// function is a function of a whole `slipway serve`.
type function struct {
	server *rig.Server
	client http.Client
}

func newFunction(ctx context.Context, binary, program string, n, shells int) (*function, error) {
	server, err := rig.Start(ctx, binary, fmt.Sprintf("--shells=%d", shells))
	if err != nil {
		return nil, err
	}
	f := &function{server: server}
	f.client.Transport = &http.Transport{MaxIdleConnsPerHost: n}
	if said, err := server.Command(ctx, "deploy", filepath.Dir(program), "--name", name); err != nil {
		f.close()
		return nil, fmt.Errorf("deploy: %w: %s", err, said)
	}
	config := fmt.Sprintf(`{"memory_mb":64,"env":{"HOLD":"%s"},"scaling":{"max":%d,"idle_timeout":"1h","background":true}}`, hold, n)
	if err := f.configure(ctx, config); err != nil {
		f.close()
		return nil, err
	}
	return f, f.stop()
}

func (f *function) close() { _ = f.server.Stop() }

func (f *function) configure(ctx context.Context, config string) error {
	return f.server.API(ctx, "PUT", "/v1/functions/"+name, config, new(any))
}

// start sends all requests at once.
func (f *function) start(ctx context.Context, n int) (burst, error) {
	b, err := inTurns(n, n, func(int) error { return f.ask(ctx) })
	f.client.CloseIdleConnections()
	b.all -= hold
	for i := range b.each {
		b.each[i] -= hold
	}
	return b, err
}

func (f *function) ask(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, "GET", f.server.URL+"/fn/"+name+"/", nil)
	if err != nil {
		return err
	}
	res, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return rig.CheckAnswer(res)
}

// stop has the instances go: pausing a function closes them.
func (f *function) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := f.server.API(ctx, "POST", "/v1/functions/"+name+"/pause", "", new(any)); err != nil {
		return err
	}
	for {
		var list struct{ Items []json.RawMessage }
		if err := f.server.API(ctx, "GET", "/v1/functions/"+name+"/instances", "", &list); err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return f.server.API(ctx, "POST", "/v1/functions/"+name+"/resume", "", new(any))
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%d instances do not stop", len(list.Items))
		}
	}
}
