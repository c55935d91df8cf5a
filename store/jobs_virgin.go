package store

import (
	"context"
	"errors"

	"github.com/slipway-run/slipway"
)

// virgins is the status of children from to to-1 if they have never begun: of an array
// that could run, those are PENDING that wait for other children.
func (s *Store) virgins(ctx context.Context, r slipway.JobRecord, from, to int) ([]slipway.JobStatus, error) {
	all := make([]slipway.JobStatus, to-from)
	for i := range all {
		all[i] = r.Status
	}
	if r.Request.Array == nil || r.Status != slipway.JobRunnable {
		return all, nil
	}
	for _, d := range r.Request.DependsOn {
		waits, err := s.waits(ctx, r, d, from, to)
		if err != nil {
			return nil, err
		}
		for i := range waits {
			if waits[i] {
				all[i] = slipway.JobPending
			}
		}
	}
	return all, nil
}

// waits says which children from to to-1 wait because of a dependency.
func (s *Store) waits(ctx context.Context, r slipway.JobRecord, d slipway.JobDependency, from, to int) ([]bool, error) {
	switch d.Type {
	case slipway.DependsSequential:
		waits := make([]bool, to-from)
		begun, err := s.slices(ctx, r.Num)
		for i := range waits {
			waits[i] = begun > 0 || from+i != r.Next
		}
		return waits, err
	case slipway.DependsNToN:
		return s.waitsForTwins(ctx, r.Tenant, d.Job, from, to)
	}
	return nil, nil
}

// slices is how many a job has.
func (s *Store) slices(ctx context.Context, job int64) (n int, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM job_slices WHERE job = $1`, job).Scan(&n)
	return n, err
}

// waitsForTwins says which children from to to-1 of an array have not ended. One that was
// forgotten has.
func (s *Store) waitsForTwins(ctx context.Context, tenant, id string, from, to int) ([]bool, error) {
	other, err := s.JobRecord(ctx, tenant, id)
	if errors.Is(err, slipway.ErrNotFound) || err == nil && other.Status.Ended() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	waits := make([]bool, to-from)
	for i := range waits {
		waits[i] = true
	}
	children, err := collect(ctx, s.read, scanInt,
		`SELECT child FROM job_attempts WHERE job = $1 AND child >= $2 AND child < $3 AND outcome IN (0, 1)`, other.Num, from, to)
	if err != nil {
		return nil, err
	}
	for _, child := range children {
		waits[child-from] = false
	}
	endings, err := collect(ctx, s.read, scanEnding, `SELECT job, low, high, reason, at FROM job_endings WHERE job = $1 AND low < $3 AND high > $2`, other.Num, from, to)
	for _, e := range endings {
		for i := max(e.From, from); i < min(e.To, to); i++ {
			waits[i-from] = false
		}
	}
	return waits, err
}

// couldBegin is how many of the rest children of an array that have never begun could;
// slices is how many it has. Of several arrays that children wait for it is known at least
// how many have ended in all of them.
func (s *Store) couldBegin(ctx context.Context, r slipway.JobRecord, rest, slices int) (int, error) {
	size, n := r.Children(), rest
	ended := size
	for _, d := range r.Request.DependsOn {
		switch d.Type {
		case slipway.DependsSequential:
			n = min(n, 1-min(slices, 1))
		case slipway.DependsNToN:
			other, err := s.JobRecord(ctx, r.Tenant, d.Job)
			if errors.Is(err, slipway.ErrNotFound) {
				continue
			}
			if err != nil {
				return 0, err
			}
			ended -= size - other.Succeeded - other.Failed
		}
	}
	return max(0, min(n, ended-(size-rest))), nil
}
