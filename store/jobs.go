package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway"
)

func noJob(id string) error {
	return slipway.Errorf(slipway.ErrNotFound, "job %q does not exist, or ended so long ago that it was forgotten", id)
}

func wrapJob(err error, id, act string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return noJob(id)
	}
	return wrap(err, act, args...)
}

// Job reads a job with its attempts, or a child (<parent>:<index>) of an array with its
// own. An array's Counts are filled in, and its children's attempts are theirs.
func (s *Store) Job(ctx context.Context, tenant, id string) (slipway.Job, error) {
	parent, index, err := slipway.SplitJobID(id)
	if err != nil {
		return slipway.Job{}, err
	}
	record, err := scanJob(s.read.QueryRowContext(ctx, selectJob+`WHERE id = $1 AND tenant = $2`, parent, tenant))
	if err == nil && index >= arraySize(record.Request) {
		err = sql.ErrNoRows
	}
	if err != nil {
		return slipway.Job{}, wrapJob(err, id, "read job %s", id)
	}
	if record.Request.Array != nil && index < 0 {
		jobs, err := s.withCounts(ctx, []slipway.JobRecord{record})
		if err != nil {
			return slipway.Job{}, wrap(err, "read job %s", id)
		}
		return jobs[0], nil
	}
	children, err := s.children(ctx, record, max(index, 0), max(index, 0)+1)
	if err != nil {
		return slipway.Job{}, wrap(err, "read job %s", id)
	}
	return children[0], nil
}

// Jobs lists the jobs of a tenant, newest first, or with f.Parent the children of an
// array by index. Attempts are filled in for children only; [Store.Job] has them all.
func (s *Store) Jobs(ctx context.Context, tenant string, f slipway.JobFilter, p slipway.Page) (slipway.List[slipway.Job], error) {
	limit, err := pageLimit(p.Limit)
	if err != nil {
		return slipway.List[slipway.Job]{}, err
	}
	after := 0
	if p.Cursor != "" {
		key, err := decodeCursor(p.Cursor)
		if err == nil {
			after, err = strconv.Atoi(key)
		}
		if err != nil {
			return slipway.List[slipway.Job]{}, badCursor(p.Cursor)
		}
	}
	if f.Parent != "" {
		list, err := s.childList(ctx, tenant, f, after, limit)
		return list, wrap(err, "list the children of job %s", f.Parent)
	}
	list, err := s.jobList(ctx, tenant, f, after, limit)
	return list, wrap(err, "list jobs")
}

func (s *Store) jobList(ctx context.Context, tenant string, f slipway.JobFilter, before, limit int) (slipway.List[slipway.Job], error) {
	where, args := []string{"tenant = $1"}, []any{tenant}
	add := func(condition string, v any) {
		args = append(args, v)
		where = append(where, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(args))))
	}
	if before > 0 {
		add("num < ?", before)
	}
	if f.Queue != "" {
		add("queue = ?", f.Queue)
	}
	if f.Status != "" {
		add("status = ?", string(f.Status))
		if !f.Status.Ended() {
			where = append(where, "stopped_at IS NULL")
		}
	}
	if prefix, more := strings.CutSuffix(f.Name, "*"); more {
		add("substr(name, 1, length(?)) = ?", prefix)
	} else if f.Name != "" {
		add("name = ?", f.Name)
	}
	args = append(args, limit+1)
	records, err := collect(ctx, s.read, scanJob,
		fmt.Sprintf("%s WHERE %s ORDER BY num DESC LIMIT $%d", selectJob, strings.Join(where, " AND "), len(args)), args...)
	if err != nil {
		return slipway.List[slipway.Job]{}, err
	}
	page := cut(records, limit, func(j slipway.JobRecord) string { return strconv.FormatInt(j.Num, 10) })
	jobs, err := s.withCounts(ctx, page.Items)
	return slipway.List[slipway.Job]{Items: jobs, Next: page.Next}, err
}

// withCounts makes jobs of records; arrays that have not ended ask for their slices.
func (s *Store) withCounts(ctx context.Context, records []slipway.JobRecord) ([]slipway.Job, error) {
	jobs := make([]slipway.Job, 0, len(records))
	for _, r := range records {
		j := r.Job()
		if r.Request.Array != nil {
			counts, err := s.counts(ctx, r)
			if err != nil {
				return nil, err
			}
			j.Array = &slipway.JobArray{Size: r.Children(), Counts: counts}
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// counts is the children of an array by status.
func (s *Store) counts(ctx context.Context, r slipway.JobRecord) (map[slipway.JobStatus]int, error) {
	counts := map[slipway.JobStatus]int{}
	add := func(status slipway.JobStatus, n int) {
		if n > 0 {
			counts[status] += n
		}
	}
	add(slipway.JobSucceeded, r.Succeeded)
	add(slipway.JobFailed, r.Failed)
	rest := r.Children() - r.Succeeded - r.Failed
	if rest == 0 {
		return counts, nil
	}
	slices, err := collect(ctx, s.read, scanSlice, selectSlice+`WHERE job = $1`, r.Num)
	if err != nil {
		return nil, err
	}
	for _, slice := range slices {
		n := slice.To - slice.From
		if !slice.Given() {
			add(slipway.JobRunnable, n)
			rest -= n
			continue
		}
		var ended int
		err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM job_attempts WHERE job = $1 AND child >= $2 AND child < $3 AND attempt = $4`,
			r.Num, slice.From, slice.To, slice.Attempt).Scan(&ended)
		if err != nil {
			return nil, err
		}
		running := 0
		for _, live := range slice.Live {
			if !live.StartedAt.IsZero() {
				running++
			}
		}
		add(slipway.JobRunning, running)
		add(slipway.JobStarting, n-ended-running)
		rest -= n - ended
	}
	if r.Status != slipway.JobRunnable {
		add(r.Status, rest)
		return counts, nil
	}
	ready, err := s.couldBegin(ctx, r, rest, len(slices))
	add(slipway.JobRunnable, ready)
	add(slipway.JobPending, rest-ready)
	return counts, err
}
