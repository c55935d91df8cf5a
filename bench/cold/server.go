package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// functions is how many take turns, so that each has time to become idle.
const functions = 5

// server is a whole `slipway serve`, with functions that stop as soon as they may.
type server struct {
	*rig.Server
	next int
}

func startServer(ctx context.Context, binary, program string) (*server, error) {
	r, err := rig.Start(ctx, binary)
	if err != nil {
		return nil, err
	}
	s := &server{Server: r}
	for i := range functions {
		if err := s.deploy(ctx, functionName(i), filepath.Dir(program)); err != nil {
			s.stop()
			return nil, err
		}
	}
	return s, nil
}

func functionName(i int) string { return fmt.Sprintf("cold-%d", i) }

func (s *server) deploy(ctx context.Context, name, folder string) error {
	if said, err := s.Command(ctx, "deploy", folder, "--name", name); err != nil {
		return fmt.Errorf("deploy: %w: %s", err, said)
	}
	return s.API(ctx, "PUT", "/v1/functions/"+name, `{"scaling":{"idle_timeout":"1s"}}`, new(any))
}

func (s *server) stop() { _ = s.Stop() }

// once sends one event to a function of which nothing runs.
func (s *server) once(ctx context.Context) (time.Duration, error) {
	name := functionName(s.next % functions)
	s.next++
	if err := s.awaitIdle(ctx, name); err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/fn/"+name+"/", nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	err = rig.CheckAnswer(res)
	took := time.Since(began)
	if err == nil && res.Header.Get("X-Slipway-Cold-Start") != "true" {
		err = errors.New("the call was not cold")
	}
	return took, err
}

func (s *server) awaitIdle(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var list struct{ Items []json.RawMessage }
		if err := s.API(ctx, "GET", "/v1/functions/"+name+"/instances", "", &list); err != nil {
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
