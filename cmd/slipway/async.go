package main

import (
	"github.com/slipway-run/slipway/async"
	"github.com/slipway-run/slipway/gateway"
)

// newAsync makes the engine that keeps asynchronous events, and runs them through the
// gateway.
func (s *server) newAsync(g *gateway.Gateway, jobs async.JobSubmitter) (*async.Engine, error) {
	intake, err := s.bus.OpenIntake(s.ctx)
	if err != nil {
		return nil, err
	}
	allow, err := s.webhooks()
	if err != nil {
		return nil, err
	}
	var blobs async.Blobs = s.images
	if s.images == nil {
		blobs = s.bus.Blobs()
	}
	return async.New(async.Config{
		Node: s.id, SpoolDir: s.dir.join("spool"), Retention: s.retention, WebhookAllow: allow, Grace: s.shutdown / 2,
	}, async.Parts{
		Store: s.store, Intake: intake, Blobs: blobs, Functions: g, Jobs: jobs, Subjects: s.outside, Log: s.log,
	}), nil
}
