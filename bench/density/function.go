package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
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

func newFunction(ctx context.Context, binary, program string, n int) (*function, error) {
	server, err := rig.Start(ctx, binary)
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
func (f *function) start(ctx context.Context, n int) (time.Duration, error) {
	errs := make([]error, n)
	var requests sync.WaitGroup
	began := time.Now()
	for i := range n {
		requests.Go(func() { errs[i] = f.ask(ctx) })
	}
	requests.Wait()
	took := time.Since(began) - hold
	f.client.CloseIdleConnections()
	return took, errors.Join(errs...)
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
