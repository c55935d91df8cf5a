package store_test

import (
	"maps"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

func jobRecord(edit ...func(*slipway.JobRecord)) slipway.JobRecord {
	j := slipway.JobRecord{
		ID: slipway.NewID(), Tenant: defaultTenant, CPU: 0.25, MemoryMB: 64,
		Request:  slipway.JobRequest{Name: "j", Queue: "default", Definition: "d:1", Retry: &slipway.RetryStrategy{Attempts: 3}},
		JobState: slipway.JobState{Status: slipway.JobSubmitted},
	}
	for _, edit := range edit {
		edit(&j)
	}
	return j
}

func array(size int) func(*slipway.JobRecord) {
	return func(j *slipway.JobRecord) { j.Request.Array = &slipway.ArrayRequest{Size: size} }
}

func addJob(t *testing.T, s *store.Store, edit ...func(*slipway.JobRecord)) slipway.JobRecord {
	t.Helper()
	all, _, err := s.AddJobs(t.Context(), []slipway.JobRecord{jobRecord(edit...)})
	must(t, err)
	return all[0]
}

// lead takes the lease and gives its epoch.
func lead(t *testing.T, s *store.Store, holder string) int64 {
	t.Helper()
	seen, err := s.JobLease(t.Context())
	must(t, err)
	l, err := s.TakeJobLease(t.Context(), holder, seen)
	must(t, err)
	return l.Epoch
}

func TestJobsHaveNumbersInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		atOnce(t, 8, func(int) error {
			_, _, err := s.AddJobs(t.Context(), []slipway.JobRecord{jobRecord(), jobRecord(array(1_000_000)), jobRecord()})
			return err
		})
		all, err := s.UnfinishedJobs(t.Context(), 3, 100)
		must(t, err)
		last, err := s.LastJob(t.Context())
		must(t, err)
		if len(all) != 21 || last != 24 {
			t.Fatalf("%d jobs after the third, the last is %d", len(all), last)
		}
		for i, j := range all {
			if j.Num != int64(4+i) || j.Request.Retry.Attempts != 3 || (j.Children() == 1_000_000) != (i%3 == 1) {
				t.Errorf("job %d is %+v", i, j)
			}
		}
	})
}

func TestIdempotencyKeys(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		addTenant(t, s, "other")
		keyed := func(j *slipway.JobRecord) { j.Request.IdempotencyKey = "k" }
		first := addJob(t, s, keyed)
		theirs := func(j *slipway.JobRecord) { j.Tenant = "other" }
		all, old, err := s.AddJobs(t.Context(), []slipway.JobRecord{jobRecord(keyed), jobRecord(keyed, theirs), jobRecord(keyed, theirs), jobRecord()})
		must(t, err)
		if all[0].ID != first.ID || !old[0] || old[1] || all[2].ID != all[1].ID || !old[2] || old[3] {
			t.Errorf("old %v, jobs %+v", old, all)
		}
		again, err := s.JobRecord(t.Context(), defaultTenant, first.ID)
		must(t, err)
		if again.Request.IdempotencyKey != "k" {
			t.Errorf("the key is %q", again.Request.IdempotencyKey)
		}
	})
}

func TestALeaseIsOfOne(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		seen, err := s.JobLease(t.Context())
		must(t, err)
		first, err := s.TakeJobLease(t.Context(), "a", seen)
		must(t, err)
		_, err = s.TakeJobLease(t.Context(), "b", seen)
		wantKind(t, err, slipway.ErrConflict)
		must(t, s.BeatJobLease(t.Context(), first.Epoch))
		_, err = s.TakeJobLease(t.Context(), "b", first) // it was renewed since
		wantKind(t, err, slipway.ErrConflict)
		second := lead(t, s, "b")
		wantKind(t, s.BeatJobLease(t.Context(), first.Epoch), slipway.ErrConflict)
		wantKind(t, s.CommitJobs(t.Context(), first.Epoch, slipway.JobChanges{}), slipway.ErrConflict)
		must(t, s.CommitJobs(t.Context(), second, slipway.JobChanges{}))
	})
}

// What the scheduler writes of an array is what people see of it.
func TestAnArrayFromItsRows(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		epoch := lead(t, s, "a")
		j := addJob(t, s, array(100))
		at, code := time.Now().UTC().Truncate(time.Microsecond), 3
		must(t, s.CommitJobs(t.Context(), epoch, slipway.JobChanges{
			States: []slipway.JobState{{Num: j.Num, Status: slipway.JobRunnable, Next: 20, Succeeded: 1, Failed: 11, StartedAt: &at}},
			Put: []slipway.JobSlice{
				{Job: j.Num, From: 0, To: 20, Attempt: 1, Assignment: "x", Invoker: "i", Incarnation: "n", Environment: "default", GivenAt: at,
					Live: map[int]slipway.LiveAttempt{3: {StartedAt: at}, 4: {StartedAt: at, Stop: "enough"}}},
				{Job: j.Num, From: 0, To: 1, Attempt: 2, Tries: 1, MemoryMB: 128},
			},
			Attempts: []slipway.AttemptRecord{
				{Job: j.Num, Index: 0, Outcome: slipway.AttemptRetried, JobAttempt: slipway.JobAttempt{Attempt: 1, ExitCode: &code, Reason: "Error: exit status 3", Invoker: "i", CPUSeconds: 0.25}},
				{Job: j.Num, Index: 1, Outcome: slipway.AttemptSucceeded, JobAttempt: slipway.JobAttempt{Attempt: 1, Invoker: "i", StartedAt: &at, StoppedAt: &at}, Output: &slipway.JobOutput{Digest: "sha256:1"}},
				{Job: j.Num, Index: 2, Outcome: slipway.AttemptFailed, JobAttempt: slipway.JobAttempt{Attempt: 1, ExitCode: &code, Reason: "Error: exit status 3", Invoker: "i"}},
			},
			Endings: []slipway.JobEnding{{Job: j.Num, From: 90, To: 100, Reason: "not needed", At: at}},
		}))
		got, err := s.Job(t.Context(), defaultTenant, j.ID)
		must(t, err)
		want := map[slipway.JobStatus]int{slipway.JobSucceeded: 1, slipway.JobFailed: 11, slipway.JobRunning: 2, slipway.JobStarting: 15, slipway.JobRunnable: 71}
		for status, n := range want {
			if got.Array.Counts[status] != n {
				t.Errorf("%d children are %s, want %d", got.Array.Counts[status], status, n)
			}
		}
		for index, want := range map[int]struct {
			status   slipway.JobStatus
			reason   string
			attempts int
		}{
			0: {slipway.JobRunnable, "Error: exit status 3", 1}, 1: {slipway.JobSucceeded, "", 1}, 2: {slipway.JobFailed, "Error: exit status 3", 1},
			3: {slipway.JobRunning, "", 1}, 4: {slipway.JobRunning, "enough", 1}, 5: {slipway.JobStarting, "", 1},
			50: {slipway.JobRunnable, "", 0}, 95: {slipway.JobFailed, "not needed", 0},
		} {
			child, err := s.Job(t.Context(), defaultTenant, slipway.ChildID(j.ID, index))
			must(t, err)
			if child.Status != want.status || child.StatusReason != want.reason || len(child.Attempts) != want.attempts || *child.Array.Index != index {
				t.Errorf("child %d is %+v", index, child)
			}
		}
		_, err = s.Job(t.Context(), defaultTenant, slipway.ChildID(j.ID, 100))
		wantKind(t, err, slipway.ErrNotFound)
		_, err = s.Job(t.Context(), "other", j.ID)
		wantKind(t, err, slipway.ErrNotFound)

		var failed []string
		for cursor := ""; ; {
			list, err := s.Jobs(t.Context(), defaultTenant, slipway.JobFilter{Parent: j.ID, Status: slipway.JobFailed}, slipway.Page{Limit: 4, Cursor: cursor})
			must(t, err)
			for _, child := range list.Items {
				failed = append(failed, child.ID)
			}
			if cursor = list.Next; cursor == "" {
				break
			}
		}
		if len(failed) != 11 || failed[0] != slipway.ChildID(j.ID, 2) || failed[10] != slipway.ChildID(j.ID, 99) {
			t.Errorf("failed: %v", failed)
		}
		slices, err := s.JobSlices(t.Context())
		must(t, err)
		if len(slices) != 2 || !slices[0].Given() || slices[0].Live[4].Stop != "enough" || !slices[0].GivenAt.Equal(at) || slices[1].MemoryMB != 128 {
			t.Errorf("slices %+v", slices)
		}
		ended, err := s.EndedChildren(t.Context(), slices[0])
		must(t, err)
		if len(ended) != 3 {
			t.Errorf("ended %v", ended)
		}
		outputs, err := s.JobOutputs(t.Context(), j.Num)
		must(t, err)
		if len(outputs) != 1 || outputs[1].Digest != "sha256:1" {
			t.Errorf("outputs %+v", outputs)
		}
		outcomes := 0
		must(t, s.ChildOutcomes(t.Context(), j.Num, 0, func(from, to int, ok bool) { outcomes += to - from }))
		if outcomes != 12 {
			t.Errorf("%d outcomes", outcomes)
		}
	})
}

// Of children that have not begun those are RUNNABLE that wait for no other child.
func TestChildrenThatWaitForOthers(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		epoch := lead(t, s, "a")
		a := addJob(t, s, array(10))
		twins := addJob(t, s, array(10), func(j *slipway.JobRecord) {
			j.Request.DependsOn = []slipway.JobDependency{{Job: a.ID, Type: slipway.DependsNToN, On: slipway.OnAny}}
		})
		line := addJob(t, s, array(10), func(j *slipway.JobRecord) {
			j.Request.DependsOn = []slipway.JobDependency{{Type: slipway.DependsSequential}}
		})
		at := time.Now().UTC()
		given := func(num int64, i int) slipway.JobSlice {
			return slipway.JobSlice{Job: num, From: i, To: i + 1, Attempt: 1, Assignment: "x", Invoker: "i", Incarnation: "n", GivenAt: at}
		}
		must(t, s.CommitJobs(t.Context(), epoch, slipway.JobChanges{
			States: []slipway.JobState{{Num: a.Num, Status: slipway.JobRunnable, Next: 3, Succeeded: 2, Failed: 1},
				{Num: twins.Num, Status: slipway.JobRunnable}, {Num: line.Num, Status: slipway.JobRunnable}},
			Attempts: []slipway.AttemptRecord{{Job: a.Num, Index: 0}, {Job: a.Num, Index: 1}},
			Endings:  []slipway.JobEnding{{Job: a.Num, From: 2, To: 3, Reason: "not needed", At: at}},
			Put:      []slipway.JobSlice{given(twins.Num, 0)},
		}))
		see := func(j slipway.JobRecord, want ...slipway.JobStatus) {
			t.Helper()
			got, err := s.Job(t.Context(), defaultTenant, j.ID)
			must(t, err)
			counts := map[slipway.JobStatus]int{}
			for i := range 10 {
				child, err := s.Job(t.Context(), defaultTenant, slipway.ChildID(j.ID, i))
				must(t, err)
				counts[child.Status]++
				if i < len(want) && child.Status != want[i] {
					t.Errorf("child %d is %s, want %s", i, child.Status, want[i])
				}
			}
			if !maps.Equal(counts, got.Array.Counts) {
				t.Errorf("the children are %v, and counted as %v", counts, got.Array.Counts)
			}
		}
		see(twins, slipway.JobStarting, slipway.JobRunnable, slipway.JobRunnable, slipway.JobPending)
		see(line, slipway.JobRunnable, slipway.JobPending)
		must(t, s.CommitJobs(t.Context(), epoch, slipway.JobChanges{
			States: []slipway.JobState{{Num: line.Num, Status: slipway.JobRunnable, Next: 1}}, Put: []slipway.JobSlice{given(line.Num, 0)}}))
		see(line, slipway.JobStarting, slipway.JobPending, slipway.JobPending)
	})
}

// A tenant is deleted or its job is accepted, never both.
func TestATenantWithJobsStays(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		for range 20 {
			addTenant(t, s, "other")
			added := make(chan error, 1)
			go func() {
				_, _, err := s.AddJobs(t.Context(), []slipway.JobRecord{jobRecord(func(j *slipway.JobRecord) { j.Tenant = "other" })})
				added <- err
			}()
			deleted := s.DeleteTenant(t.Context(), "other")
			if err := <-added; err != nil {
				wantKind(t, err, slipway.ErrNotFound)
				must(t, deleted)
				continue
			}
			wantKind(t, deleted, slipway.ErrConflict)
			list, err := s.Jobs(t.Context(), "other", slipway.JobFilter{}, slipway.Page{})
			must(t, err)
			if len(list.Items) == 0 {
				t.Error("a job that was accepted is gone")
			}
			epoch, at := lead(t, s, "a"), time.Now()
			for _, j := range list.Items {
				record, err := s.JobRecord(t.Context(), "other", j.ID)
				must(t, err)
				must(t, s.CommitJobs(t.Context(), epoch, slipway.JobChanges{States: []slipway.JobState{{Num: record.Num, Status: slipway.JobFailed, StoppedAt: &at}}}))
			}
			must(t, s.DeleteTenant(t.Context(), "other"))
		}
	})
}

func TestListsOfJobs(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		epoch := lead(t, s, "a")
		var ids []string
		for i := range 5 {
			j := addJob(t, s, func(j *slipway.JobRecord) { j.Request.Name = "job" + string(rune('a'+i)) })
			ids = append(ids, j.ID)
		}
		long := time.Now().Add(-time.Hour)
		must(t, s.CommitJobs(t.Context(), epoch, slipway.JobChanges{States: []slipway.JobState{{Num: 2, Status: slipway.JobFailed, StoppedAt: &long, Reason: "x"}}}))
		count := func(f slipway.JobFilter) int {
			t.Helper()
			list, err := s.Jobs(t.Context(), defaultTenant, f, slipway.Page{})
			must(t, err)
			return len(list.Items)
		}
		if n := count(slipway.JobFilter{}); n != 5 {
			t.Errorf("%d jobs", n)
		}
		if n := count(slipway.JobFilter{Status: slipway.JobFailed}); n != 1 {
			t.Errorf("%d failed", n)
		}
		if n := count(slipway.JobFilter{Status: slipway.JobSubmitted, Queue: "default", Name: "job*"}); n != 4 {
			t.Errorf("%d submitted", n)
		}
		if n := count(slipway.JobFilter{Name: "jobc"}); n != 1 {
			t.Errorf("%d named jobc", n)
		}
		first, err := s.Jobs(t.Context(), defaultTenant, slipway.JobFilter{}, slipway.Page{Limit: 2})
		must(t, err)
		second, err := s.Jobs(t.Context(), defaultTenant, slipway.JobFilter{}, slipway.Page{Limit: 10, Cursor: first.Next})
		must(t, err)
		if first.Items[0].ID != ids[4] || len(second.Items) != 3 || second.Items[0].ID != ids[2] || second.Next != "" {
			t.Errorf("first %+v, then %+v", first, second)
		}
		n, err := s.SweepJobs(t.Context(), time.Now().Add(-time.Minute), 10)
		must(t, err)
		if n != 1 || count(slipway.JobFilter{}) != 4 {
			t.Errorf("%d jobs were forgotten", n)
		}
	})
}
