package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// http measures submissions over REST to a server that has everything, and a queue without
// an invoker.
func (b *bench) http(ctx context.Context, w io.Writer) error {
	s, err := rig.Start(ctx, b.binary)
	if err != nil {
		return err
	}
	defer s.Stop()
	dir, remove, err := rig.Folder("queue-program")
	defer remove()
	if err != nil {
		return err
	}
	program, err := rig.WriteTrue(dir)
	if err != nil {
		return err
	}
	if err := s.API(ctx, "PUT", "/v1/functions/true", `{"protocol":"stdio","network":"none"}`, new(any)); err != nil {
		return err
	}
	if said, err := s.Command(ctx, "deploy", filepath.Dir(program), "--name", "true"); err != nil {
		return fmt.Errorf("deploy: %w: %s", err, said)
	}
	for path, body := range map[string]string{
		"/v1/job-definitions/true":         `{"image":"true","memory_mb":16}`,
		"/v1/compute-environments/nowhere": `{"type":"unmanaged","invokers":["nowhere"]}`,
	} {
		if err := s.API(ctx, "PUT", path, body, new(any)); err != nil {
			return err
		}
	}
	if err := s.API(ctx, "PUT", "/v1/queues/waits", `{"compute_environments":["nowhere"]}`, new(any)); err != nil {
		return err
	}
	began := time.Now()
	if err := b.post(ctx, s); err != nil {
		return err
	}
	took := time.Since(began)
	fmt.Fprintf(w, "submission over HTTP, durable\n  %-52s %8d in %8s  %9.0f/s\n", fmt.Sprintf("jobs one by one, %d connections", b.clients), b.singles,
		took.Round(time.Millisecond), float64(b.singles)/took.Seconds())
	return nil
}

func (b *bench) post(ctx context.Context, s *rig.Server) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: b.clients}}
	defer client.CloseIdleConnections()
	failures := make(chan error, b.clients)
	var all sync.WaitGroup
	for c := range b.clients {
		all.Go(func() {
			for range (b.singles + c) / b.clients {
				if err := submit(ctx, client, s); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failures:
		return err
	default:
		return nil
	}
}

func submit(ctx context.Context, client *http.Client, s *rig.Server) error {
	req, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/v1/jobs", strings.NewReader(`{"name":"true","queue":"waits","definition":"true"}`))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.Key)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", res.Status, body)
	}
	return err
}
