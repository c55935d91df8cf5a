package store

import (
	"context"
	"database/sql"
	"time"
)

// ofSwept picks the jobs that [Store.SweepJobs] forgets.
const ofSwept = `(SELECT num FROM jobs WHERE stopped_at < $1 ORDER BY stopped_at LIMIT $2)`

// SweepJobs forgets up to limit jobs that ended before a moment, with all that was kept
// of them, and says how many there were. What they have left is found by
// [Store.UnneededOutputs] then.
func (s *Store) SweepJobs(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO job_outputs_left (digest)
			SELECT DISTINCT output ->> 'digest' FROM job_attempts
			WHERE output IS NOT NULL AND output ->> 'digest' <> '' AND job IN `+ofSwept+`
			ON CONFLICT DO NOTHING`, stamp(before), limit)
		if err != nil {
			return err
		}
		n, err = affected(ctx, tx, `DELETE FROM jobs WHERE num IN `+ofSwept, stamp(before), limit)
		return err
	})
	return n, wrap(err, "forget jobs that ended long ago")
}

// UnneededOutputs is digests of outputs whose jobs were forgotten and that no other job has
// left, nor somebody uploaded, up to 1000. Once their blobs are deleted,
// [Store.ForgetOutputs] takes them off the list.
func (s *Store) UnneededOutputs(ctx context.Context) (digests []string, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		// An upload of what was an output is to be deleted with the upload.
		_, err := tx.ExecContext(ctx, `UPDATE job_inputs SET ours = true WHERE digest IN (SELECT digest FROM job_outputs_left)`)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			DELETE FROM job_outputs_left WHERE digest IN (SELECT digest FROM job_inputs)
			OR EXISTS (SELECT 1 FROM job_attempts a WHERE a.output IS NOT NULL AND a.output ->> 'digest' = job_outputs_left.digest)`)
		if err != nil {
			return err
		}
		scan := func(r row) (digest string, err error) { return digest, r.Scan(&digest) }
		digests, err = collect(ctx, tx, scan, `SELECT digest FROM job_outputs_left ORDER BY digest LIMIT 1000`)
		return err
	})
	return digests, wrap(err, "list outputs of jobs that were forgotten")
}

// ForgetOutputs takes outputs off the list of [Store.UnneededOutputs].
func (s *Store) ForgetOutputs(ctx context.Context, digests []string) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		for _, digest := range digests {
			if _, err := tx.ExecContext(ctx, `DELETE FROM job_outputs_left WHERE digest = $1`, digest); err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "forget outputs that were deleted")
}
