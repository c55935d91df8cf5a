package store

import (
	"context"

	"github.com/slipway-run/slipway"
)

// UnfinishedJobs reads up to limit jobs that have not ended and whose numbers are above
// after, in the order in which they were accepted.
func (s *Store) UnfinishedJobs(ctx context.Context, after int64, limit int) ([]slipway.JobRecord, error) {
	all, err := collect(ctx, s.read, scanJob, selectJob+`WHERE stopped_at IS NULL AND num > $1 ORDER BY num LIMIT $2`, after, limit)
	return all, wrap(err, "read the jobs that have not ended")
}

// LastJob is the number that the newest job has.
func (s *Store) LastJob(ctx context.Context) (num int64, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT last FROM job_numbers`).Scan(&num)
	return num, wrap(err, "read the number of the last job")
}

// JobSlices reads all slices.
func (s *Store) JobSlices(ctx context.Context) ([]slipway.JobSlice, error) {
	all, err := collect(ctx, s.read, scanSlice, selectSlice+`ORDER BY job, attempt, low`)
	return all, wrap(err, "read what invokers have")
}

// EndedChildren are those of a slice whose attempt has ended.
func (s *Store) EndedChildren(ctx context.Context, slice slipway.JobSlice) ([]int, error) {
	all, err := collect(ctx, s.read, scanInt, `
		SELECT child FROM job_attempts WHERE job = $1 AND child >= $2 AND child < $3 AND attempt = $4 ORDER BY child`,
		slice.Job, slice.From, slice.To, slice.Attempt)
	return all, wrap(err, "read the attempts of a job")
}

func scanInt(r row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}

// ChildOutcomes gives f, for children of a job from an index on that have ended,
// neighbours together where that is known, whether they succeeded.
func (s *Store) ChildOutcomes(ctx context.Context, num int64, first int, f func(from, to int, succeeded bool)) error {
	rows, err := s.read.QueryContext(ctx, `SELECT child, outcome FROM job_attempts WHERE job = $1 AND child >= $2 AND outcome IN (0, 1)`, num, first)
	if err != nil {
		return wrap(err, "read the children of a job")
	}
	defer rows.Close()
	for rows.Next() {
		var child int
		var outcome slipway.AttemptOutcome
		if err := rows.Scan(&child, &outcome); err != nil {
			return wrap(err, "read the children of a job")
		}
		f(child, child+1, outcome == slipway.AttemptSucceeded)
	}
	if err := rows.Err(); err != nil {
		return wrap(err, "read the children of a job")
	}
	endings, err := collect(ctx, s.read, scanEnding, `SELECT job, low, high, reason, at FROM job_endings WHERE job = $1 AND high > $2`, num, first)
	for _, e := range endings {
		f(max(e.From, first), e.To, false)
	}
	return wrap(err, "read the children of a job")
}

// JobUsage reads what shares had used when it was written down last.
func (s *Store) JobUsage(ctx context.Context) ([]slipway.ShareUsage, error) {
	scan := func(r row) (u slipway.ShareUsage, err error) {
		err = r.Scan(&u.Tenant, &u.Queue, &u.Share, &u.VCPUs, moment{&u.At})
		return u, err
	}
	all, err := collect(ctx, s.read, scan, `SELECT tenant, queue, share, vcpus, at FROM job_usage`)
	return all, wrap(err, "read what shares have used")
}

// JobRecord reads one job of a tenant, no child; tenant "" is any.
func (s *Store) JobRecord(ctx context.Context, tenant, id string) (slipway.JobRecord, error) {
	j, err := scanJob(s.read.QueryRowContext(ctx, selectJob+`WHERE id = $1 AND $2 IN ('', tenant)`, id, tenant))
	return j, wrapJob(err, id, "read job %s", id)
}

// JobOutputs reads what the last attempts of a job's children have left, by their index.
func (s *Store) JobOutputs(ctx context.Context, num int64) (map[int]slipway.JobOutput, error) {
	all, err := collect(ctx, s.read, scanAttempt, selectAttempt+`WHERE a.job = $1 AND a.output IS NOT NULL AND a.outcome IN (0, 1)`, num)
	outputs := map[int]slipway.JobOutput{}
	for _, a := range all {
		outputs[a.Index] = *a.Output
	}
	return outputs, wrap(err, "read the outputs of a job")
}
