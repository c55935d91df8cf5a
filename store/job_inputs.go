package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/slipway-run/slipway"
)

// AddJobInput notes that a tenant has uploaded an archive for jobs. ours says that its
// blob was not there before; what was said first stays.
func (s *Store) AddJobInput(ctx context.Context, tenant, digest string, size int64, ours bool) error {
	_, err := s.write.ExecContext(ctx, `
		INSERT INTO job_inputs (tenant, digest, size, ours, used_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, digest) DO UPDATE SET used_at = excluded.used_at`, tenant, digest, size, ours, now())
	if isOrphan(err) {
		err = noTenant(tenant)
	}
	return wrap(err, "add job input %s", digest)
}

// UseJobInput notes that a job is about to need an archive. One that the tenant has not
// uploaded is ErrNotFound.
func (s *Store) UseJobInput(ctx context.Context, tenant, digest string) error {
	n, err := affected(ctx, s.write, `UPDATE job_inputs SET used_at = $3 WHERE tenant = $1 AND digest = $2`, tenant, digest, now())
	if err == nil && n == 0 {
		err = slipway.Errorf(slipway.ErrNotFound, "there is no upload %s, or not any more; upload the archive with POST /v1/blobs and submit again", digest)
	}
	return wrap(err, "use job input %s", digest)
}

// DropJobInputs forgets the archives that were used last before a moment and that no job
// needs which has not ended. It gives the digests whose blobs nobody needs now.
func (s *Store) DropJobInputs(ctx context.Context, before time.Time) (unneeded []string, err error) {
	before = before.UTC()
	err = s.change(ctx, func(tx *sql.Tx) error {
		type input struct {
			tenant, digest string
			ours           bool
		}
		scan := func(r row) (i input, err error) {
			err = r.Scan(&i.tenant, &i.digest, &i.ours)
			return i, err
		}
		old, err := collect(ctx, tx, scan, `
			SELECT tenant, digest, ours FROM job_inputs i WHERE used_at < $1 AND NOT EXISTS (
				SELECT 1 FROM jobs j WHERE j.tenant = i.tenant AND j.stopped_at IS NULL AND CAST(j.request AS text) LIKE '%' || i.digest || '%')
			ORDER BY used_at LIMIT 1000`, before)
		if err != nil {
			return err
		}
		for _, i := range old {
			if _, err := tx.ExecContext(ctx, `DELETE FROM job_inputs WHERE tenant = $1 AND digest = $2`, i.tenant, i.digest); err != nil {
				return err
			}
			var others int
			if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM job_inputs WHERE digest = $1`, i.digest).Scan(&others); err != nil {
				return err
			}
			if i.ours && others == 0 {
				unneeded = append(unneeded, i.digest)
			}
		}
		return nil
	})
	return unneeded, wrap(err, "forget job inputs")
}
