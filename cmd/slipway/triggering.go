package main

import (
	"cmp"
	"context"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/async"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/trigger"
)

// connectOutside connects to where messages come from that are not the platform's: the
// NATS that --trigger-nats or --nats names, or the embedded one, which has an account of
// its own for them.
func (s *server) connectOutside(ctx context.Context, embedded *bus.Server) error {
	cfg := bus.OutsideConfig{URL: cmp.Or(s.triggerNATS, s.nats), Name: "slipway-" + s.id + "-outside"}
	if cfg.URL == "" {
		cfg.Server = embedded
	}
	outside, err := bus.ConnectOutside(ctx, cfg, s.log)
	if err != nil {
		return err
	}
	s.outside = outside
	s.add("messages from outside", func(context.Context) error { outside.Close(); return nil })
	if embedded != nil && embedded.URL() != "" {
		s.log.Info("other programs reach the embedded NATS", "url", embedded.URL())
	}
	return nil
}

// newTriggers makes the engine that sets functions and jobs off.
func (s *server) newTriggers(events *async.Engine, jobs trigger.Submitter) *trigger.Engine {
	return trigger.New(trigger.Config{Owner: s.id, Refresh: s.refresh}, s.store, accepter{events}, jobs, s.bus, s.outside, s.log)
}

// accepter gives events of triggers to async.
type accepter struct{ engine *async.Engine }

// Accept implements trigger.Accepter.
func (a accepter) Accept(ctx context.Context, e slipway.Event) error {
	_, err := a.engine.Accept(ctx, e)
	return err
}
