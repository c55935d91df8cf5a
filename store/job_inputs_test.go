package store_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

func TestJobInputs(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		_, _, err := s.PutTenant(ctx, slipway.Tenant{Name: "other"})
		must(t, err)
		const shared, layer, needed = "sha256:aa", "sha256:bb", "sha256:cc"
		for _, tenant := range []string{slipway.DefaultTenant, "other"} {
			must(t, s.AddJobInput(ctx, tenant, shared, 5, true))
		}
		must(t, s.AddJobInput(ctx, slipway.DefaultTenant, layer, 5, false))
		must(t, s.AddJobInput(ctx, slipway.DefaultTenant, needed, 5, true))
		wantKind(t, s.AddJobInput(ctx, "nobody", shared, 5, true), slipway.ErrNotFound)
		wantKind(t, s.UseJobInput(ctx, "other", needed), slipway.ErrNotFound)

		_, _, err = s.AddJobs(ctx, []slipway.JobRecord{{
			ID: "j", Tenant: slipway.DefaultTenant, Request: slipway.JobRequest{Name: "j", Queue: "default", Definition: "j:1", Input: needed},
			JobState: slipway.JobState{Status: slipway.JobRunnable},
		}})
		must(t, err)
		before := time.Now()
		must(t, s.UseJobInput(ctx, "other", shared))

		// One tenant still uses what is shared, a job what it needs, and a layer is not ours.
		if got, err := s.DropJobInputs(ctx, before); err != nil || len(got) != 0 {
			t.Errorf("dropped %q, %v", got, err)
		}
		wantKind(t, s.UseJobInput(ctx, slipway.DefaultTenant, shared), slipway.ErrNotFound)
		must(t, s.UseJobInput(ctx, slipway.DefaultTenant, needed))
		got, err := s.DropJobInputs(ctx, time.Now().Add(time.Hour))
		must(t, err)
		if len(got) != 1 || got[0] != shared {
			t.Errorf("dropped %q", got)
		}
	})
}

func TestBuildOfAJobDefinition(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		b := slipway.Build{ID: slipway.NewID(), Tenant: slipway.DefaultTenant, Definition: "words", State: slipway.BuildRunning, Owner: "one"}
		must(t, s.AddBuild(ctx, b))
		must(t, s.AppendBuildEvents(ctx, b.ID, []slipway.BuildEvent{{Text: "hello"}}))
		must(t, s.FinishBuild(ctx, b.ID, slipway.BuildSucceeded, "", 4))
		got, err := s.Build(ctx, slipway.DefaultTenant, b.ID)
		must(t, err)
		if got.Definition != "words" || got.Function != "" || got.Version != 4 {
			t.Errorf("%+v", got)
		}
		if events, _, err := s.BuildEvents(ctx, b.ID, 0, 10); err != nil || len(events) != 1 {
			t.Errorf("%+v, %v", events, err)
		}
		b.ID, b.Tenant = slipway.NewID(), "nobody"
		wantKind(t, s.AddBuild(ctx, b), slipway.ErrNotFound)
	})
}
