package main

import (
	"context"
	"log/slog"
	"time"
)

// parts are the pieces of a running server in the order they were started. They stop
// in the reverse order under one deadline, so that nothing loses what it stands on
// while it still works.
type parts struct {
	log   *slog.Logger
	steps []step
}

type step struct {
	name string
	stop func(ctx context.Context) error
}

// add remembers how to stop a piece that has just been started.
func (p *parts) add(name string, stop func(ctx context.Context) error) {
	p.steps = append(p.steps, step{name, stop})
}

// run starts a piece that lives until its context ends; stopping it ends the context
// and waits for it. When it ends by itself with an error, failed is called with it.
func (p *parts) run(name string, piece func(ctx context.Context) error, failed func(error)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := piece(ctx)
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		done <- err
	}()
	p.add(name, func(deadline context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-deadline.Done():
			return deadline.Err()
		}
	})
}

// stop stops everything, last started first, and gives all of it the time limit. What
// goes wrong is logged: the remaining pieces are stopped all the same.
func (p *parts) stop(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for i := len(p.steps) - 1; i >= 0; i-- {
		began := time.Now()
		if err := p.steps[i].stop(ctx); err != nil {
			p.log.Warn("stopping a part", "part", p.steps[i].name, "err", err)
		}
		p.log.Debug("stopped a part", "part", p.steps[i].name, "took", time.Since(began))
	}
	p.steps = nil
}
