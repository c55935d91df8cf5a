package gateway

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/slipway-run/slipway"
)

func (g *Gateway) getBuild(c *call) error {
	b, err := g.store.Build(c.Request().Context(), c.tenant, c.Param("id"))
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, b)
}

// getBuildLogs gives what a build has said until now; with follow, also what it says
// until it ends.
func (g *Gateway) getBuildLogs(c *call) error {
	follow, err := c.flag("follow")
	if err != nil {
		return err
	}
	b, err := g.store.Build(c.Request().Context(), c.tenant, c.Param("id"))
	if err != nil {
		return err
	}
	run := g.publisher.running(b.ID)
	switch {
	case follow && run != nil:
		return g.streamBuild(c, run)
	case follow && b.State == slipway.BuildRunning:
		return slipway.Errorf(slipway.ErrConflict, "the build runs at another gateway, %q; follow it there, or ask without follow", b.Owner)
	case follow:
		return g.streamEnded(c, b)
	}
	return g.listBuildEvents(c, b.ID)
}

// listBuildEvents writes the stored log as NDJSON.
func (g *Gateway) listBuildEvents(c *call, id string) error {
	c.Response().Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(c.Response())
	return g.eachBuildEvent(c.Request().Context(), id, func(e slipway.BuildEvent) error { return enc.Encode(e) })
}

func (g *Gateway) eachBuildEvent(ctx context.Context, id string, do func(slipway.BuildEvent) error) error {
	for after := int64(0); ; {
		events, last, err := g.store.BuildEvents(ctx, id, after, 1000)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			if err := do(e); err != nil {
				return err
			}
		}
		after = last
	}
}

// streamBuild sends the events of a running build: log, step and progress, and at its
// end version or error.
func (g *Gateway) streamBuild(c *call, run *buildRun) error {
	s := startEvents(c.Response())
	s.send("build", run.build)
	ctx := c.Request().Context()
	for at, more := (place{}), true; more; {
		var events []slipway.BuildEvent
		err := s.quietly(ctx, func(ctx context.Context) (err error) {
			events, more, err = run.next(ctx, &at)
			return err
		})
		if err != nil {
			return nil // the client has gone; the build goes on
		}
		if err := s.sendBuildEvents(events); err != nil {
			return nil
		}
	}
	v, err := run.wait(ctx)
	if err == nil && run.revision != nil {
		s.send("definition", *run.revision) // who has gone does not hear it
		return nil
	}
	return s.sendOutcome(v, err, c.id)
}

// streamEnded is streamBuild for a build that has ended already.
func (g *Gateway) streamEnded(c *call, b slipway.Build) error {
	ctx := c.Request().Context()
	s := startEvents(c.Response())
	s.send("build", b)
	err := g.eachBuildEvent(ctx, b.ID, func(e slipway.BuildEvent) error {
		return s.sendBuildEvents([]slipway.BuildEvent{e})
	})
	if err != nil {
		return s.sendOutcome(slipway.Version{}, err, c.id)
	}
	if b.State == slipway.BuildFailed {
		return s.sendOutcome(slipway.Version{}, slipway.Errorf(slipway.ErrInvalid, "%s", b.Reason), c.id)
	}
	if b.Definition != "" {
		d, err := g.store.Definition(ctx, b.Tenant, b.Definition, b.Version)
		if err != nil {
			return s.sendOutcome(slipway.Version{}, err, c.id)
		}
		s.send("definition", d)
		return nil
	}
	v, err := g.store.Version(ctx, slipway.VersionRef{Tenant: b.Tenant, Function: b.Function, Version: b.Version})
	return s.sendOutcome(v, err, c.id)
}

// sendBuildEvents leaves the last event out: the outcome says it.
func (s *eventStream) sendBuildEvents(events []slipway.BuildEvent) error {
	for _, e := range events {
		if e.Result != nil || e.Error != "" {
			continue
		}
		kind := "log"
		switch {
		case isProgress(e):
			kind = "progress"
		case e.Step != "" && e.Text == "":
			kind = "step"
		}
		if err := s.send(kind, e); err != nil {
			return err
		}
	}
	return nil
}

// sendOutcome ends the stream; who has gone by then does not hear it.
func (s *eventStream) sendOutcome(v slipway.Version, err error, id string) error {
	if err != nil {
		s.send("error", describe(err, id))
		return nil
	}
	s.send("version", v)
	return nil
}
