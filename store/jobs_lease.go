package store

import (
	"context"

	"github.com/slipway-run/slipway"
)

// JobLease says who schedules jobs.
func (s *Store) JobLease(ctx context.Context) (slipway.JobLease, error) {
	var l slipway.JobLease
	err := s.read.QueryRowContext(ctx, `SELECT holder, epoch, beat FROM job_lease`).Scan(&l.Holder, &l.Epoch, &l.Beat)
	return l, wrap(err, "read who schedules jobs")
}

// TakeJobLease makes holder the one that schedules jobs, unless somebody has taken or
// renewed the lease since it was seen; then it is ErrConflict.
func (s *Store) TakeJobLease(ctx context.Context, holder string, seen slipway.JobLease) (slipway.JobLease, error) {
	n, err := affected(ctx, s.write, `
		UPDATE job_lease SET holder = $1, epoch = epoch + 1, beat = 0
		WHERE epoch = $2 AND beat = $3 AND holder = $4`, holder, seen.Epoch, seen.Beat, seen.Holder)
	if err == nil && n == 0 {
		err = slipway.Errorf(slipway.ErrConflict, "another gateway schedules jobs")
	}
	return slipway.JobLease{Holder: holder, Epoch: seen.Epoch + 1}, wrap(err, "take over the scheduling of jobs")
}

// BeatJobLease renews a lease; ErrConflict when it is another's by now.
func (s *Store) BeatJobLease(ctx context.Context, epoch int64) error {
	n, err := affected(ctx, s.write, `UPDATE job_lease SET beat = beat + 1 WHERE epoch = $1`, epoch)
	if err == nil && n == 0 {
		err = slipway.Errorf(slipway.ErrConflict, "another gateway schedules jobs now")
	}
	return wrap(err, "go on scheduling jobs")
}

// FreeJobLease lets another one schedule jobs at once.
func (s *Store) FreeJobLease(ctx context.Context, epoch int64) error {
	_, err := s.write.ExecContext(ctx, `UPDATE job_lease SET holder = '' WHERE epoch = $1`, epoch)
	return wrap(err, "stop scheduling jobs")
}
