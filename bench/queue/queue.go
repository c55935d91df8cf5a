package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/store"
)

// queue is all that jobs need but sandboxes.
type queue struct {
	kind   string
	folder string // of SQLite's files; "" with another engine
	store  *store.Store
	engine *batch.Engine
	close  func()
}

func open(ctx context.Context, dir, url string) (*queue, error) {
	q := &queue{kind: "SQLite"}
	if url == "" {
		q.folder = filepath.Join(dir, "store")
		url = "sqlite://" + filepath.Join(q.folder, "slipway.db")
	} else {
		q.kind, _, _ = strings.Cut(url, ":")
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := store.Open(ctx, url, log)
	if err != nil {
		return nil, err
	}
	q.store = s
	server, err := bus.NewServer(bus.ServerConfig{Dir: filepath.Join(dir, "nats")}, log)
	if err != nil {
		return nil, err
	}
	if err := server.Start(ctx); err != nil {
		return nil, err
	}
	b, err := bus.Connect(ctx, bus.Config{Server: server}, log)
	if err != nil {
		return nil, err
	}
	d := slipway.DefaultJobDefinition()
	d.Tenant, d.Name, d.Image, d.Digest, d.Command = slipway.DefaultTenant, "nothing", "nothing", "sha256:0", []string{"true"}
	if _, err := s.AddDefinition(ctx, d); err != nil {
		return nil, err
	}
	q.engine = batch.New(batch.Config{ID: "bench"}, s, b, log)
	running, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	failed := func(err error) {
		if err != nil && running.Err() == nil {
			log.Error("a part of the queue ended", "err", err)
		}
	}
	parts.Go(func() { failed(q.engine.Run(running)) })
	parts.Go(func() { failed(runNothing(running, b)) })
	q.close = func() {
		stop()
		parts.Wait()
		b.Close()
		server.Shutdown()
		failed(s.Close())
	}
	return q, nil
}

// size is the bytes of the closed store's files; 0 when they are not here.
func (q *queue) size() (n int64) {
	if q.folder == "" {
		return 0
	}
	filepath.WalkDir(q.folder, func(path string, d fs.DirEntry, err error) error {
		if info, err := d.Info(); err == nil && strings.HasSuffix(path, ".db") {
			n += info.Size()
		}
		return nil
	})
	return n
}

// array submits an array, and says how long it took to accept it and to record all.
func (q *queue) array(ctx context.Context, n int) (submitted, recorded time.Duration, err error) {
	began := time.Now()
	jobs, err := q.engine.Submit(ctx, slipway.DefaultTenant, []slipway.JobRequest{{Name: "nothing", Definition: "nothing", Array: &slipway.ArrayRequest{Size: n}}})
	if err != nil {
		return 0, 0, err
	}
	submitted = time.Since(began)
	err = q.await(ctx, jobs[0].ID)
	return submitted, time.Since(began), err
}

// await waits for a job to succeed.
func (q *queue) await(ctx context.Context, id string) error {
	changed, stop := q.engine.Watch(slipway.DefaultTenant, id)
	defer stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := q.store.JobRecord(ctx, slipway.DefaultTenant, id)
		if err != nil {
			return err
		}
		if r.Status.Ended() {
			if r.Status != slipway.JobSucceeded || r.Succeeded != r.Children() {
				return fmt.Errorf("the job is %s: %s", r.Status, r.Reason)
			}
			return nil
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// singles submits n jobs from so many callers at once.
func (q *queue) singles(ctx context.Context, n, callers int) (submitted, recorded time.Duration, err error) {
	began := time.Now()
	ids := make(chan string, n)
	failures := make(chan error, callers)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for range (n + c) / callers {
				jobs, err := q.engine.Submit(ctx, slipway.DefaultTenant, []slipway.JobRequest{{Name: "nothing", Definition: "nothing"}})
				if err != nil {
					failures <- err
					return
				}
				ids <- jobs[0].ID
			}
		})
	}
	all.Wait()
	submitted = time.Since(began)
	close(ids)
	select {
	case err := <-failures:
		return 0, 0, err
	default:
	}
	for id := range ids {
		if err := q.await(ctx, id); err != nil {
			return 0, 0, err
		}
	}
	return submitted, time.Since(began), nil
}
