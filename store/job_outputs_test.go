package store_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

func TestOutputsOfForgottenJobs(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		epoch := lead(t, s, "one")
		long := time.Now().Add(-time.Hour)
		// leaves ends a job with an output.
		leaves := func(digest string, at time.Time) {
			job := addJob(t, s)
			state := job.JobState
			state.Status, state.StoppedAt, state.Succeeded = slipway.JobSucceeded, &at, 1
			must(t, s.CommitJobs(ctx, epoch, slipway.JobChanges{
				States:   []slipway.JobState{state},
				Attempts: []slipway.AttemptRecord{{Job: job.Num, JobAttempt: slipway.JobAttempt{Attempt: 1}, Output: &slipway.JobOutput{Digest: digest, Attempt: 1}}},
			}))
		}
		leaves("sha256:old", long)
		leaves("sha256:both", long)
		leaves("sha256:both", time.Now())
		leaves("sha256:sent", long)
		leaves("", long) // nothing was kept
		must(t, s.AddJobInput(ctx, slipway.DefaultTenant, "sha256:sent", 5, false))

		n, err := s.SweepJobs(ctx, time.Now().Add(-time.Minute), 10)
		must(t, err)
		for range 2 { // until it is said that they are deleted
			got, err := s.UnneededOutputs(ctx)
			must(t, err)
			if n != 4 || len(got) != 1 || got[0] != "sha256:old" {
				t.Errorf("%d jobs forgotten, outputs %q", n, got)
			}
		}
		must(t, s.ForgetOutputs(ctx, []string{"sha256:old"}))
		if got, err := s.UnneededOutputs(ctx); err != nil || len(got) != 0 {
			t.Errorf("outputs %q, %v", got, err)
		}
		// What was uploaded as well goes with the upload.
		if got, err := s.DropJobInputs(ctx, time.Now().Add(time.Hour)); err != nil || len(got) != 1 || got[0] != "sha256:sent" {
			t.Errorf("uploads %q, %v", got, err)
		}
	})
}
