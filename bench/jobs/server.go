package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

const (
	jobMemoryMB = 16
	askEvery    = 50 * time.Millisecond // a question costs the server as much as a job does
)

// server is Slipway as users have it: submitted over REST, every state durable.
func (b *bench) server(ctx context.Context, _ string) (contender, func(), error) {
	c := contender{name: "Slipway, REST, durable states", n: b.ours}
	s, err := rig.Start(ctx, b.binary)
	if err != nil {
		return c, nil, err
	}
	c.run = func(ctx context.Context, n, atOnce int) error { return b.array(ctx, s, n, atOnce) }
	return c, func() { s.Stop() }, b.define(ctx, s)
}

// define deploys the program, and makes a definition for each number at once.
func (b *bench) define(ctx context.Context, s *rig.Server) error {
	if err := s.API(ctx, "PUT", "/v1/functions/true", `{"protocol":"stdio","network":"none"}`, new(any)); err != nil {
		return err
	}
	if said, err := s.Command(ctx, "deploy", filepath.Dir(b.program), "--name", "true"); err != nil {
		return fmt.Errorf("deploy: %w: %s", err, said)
	}
	for _, n := range newTable(nil).atOnce {
		definition := fmt.Sprintf(`{"image":"true","cpu":%g,"memory_mb":%d,"network":"none"}`, cpuFor(n), jobMemoryMB)
		if err := s.API(ctx, "PUT", fmt.Sprintf("/v1/job-definitions/true%d", n), definition, new(any)); err != nil {
			return err
		}
	}
	return nil
}

// cpuFor is the vCPUs of a job of which so many have room on this machine at once. They
// need none to speak of: it is what bounds how many run.
func cpuFor(atOnce int) float64 { return float64(runtime.NumCPU()) / float64(atOnce) }

// array runs n jobs of one submission; a single one is no array.
func (b *bench) array(ctx context.Context, s *rig.Server, n, atOnce int) error {
	var made struct{ ID string }
	body := fmt.Sprintf(`{"name":"true","queue":"default","definition":"true%d"`, atOnce)
	if n > 1 {
		body += fmt.Sprintf(`,"array":{"size":%d}`, n)
	}
	if err := s.API(ctx, "POST", "/v1/jobs", body+"}", &made); err != nil {
		return err
	}
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		var job struct {
			Status string
			Reason string `json:"status_reason"`
		}
		if err := s.API(ctx, "GET", "/v1/jobs/"+made.ID, "", &job); err != nil {
			return err
		}
		switch job.Status {
		case "SUCCEEDED":
			return nil
		case "FAILED":
			return fmt.Errorf("the job failed: %s", job.Reason)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// image is the program as an unpacked image's only layer.
func (b *bench) image() (string, error) {
	dir := filepath.Dir(b.program)
	return dir, os.Chmod(dir, 0o755)
}
