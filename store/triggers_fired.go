package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/slipway-run/slipway"
)

// CronFired records that the trigger has done what was due until then, and what came of
// it; with s.Fired 0 nothing fired. It says whether it did: what is recorded already, or
// is of a trigger that was made anew meanwhile, changes nothing.
func (s *Store) CronFired(ctx context.Context, t slipway.Trigger, until time.Time, status slipway.TriggerStatus) (done bool, err error) {
	n, err := affected(ctx, s.write, `
		UPDATE triggers SET done_until = $5, fired = fired + $6,
			last_fired = COALESCE($7, last_fired), last_error = $8,
			last_result = CASE WHEN $9 = '' THEN last_result ELSE $9 END
		WHERE tenant = $1 AND name = $2 AND created_at = $3 AND done_until < $5 AND revision = $4`,
		t.Tenant, t.Name, stamp(t.CreatedAt), t.Revision, stamp(until), status.Fired, maybeStamp(status.LastFired), printable(status.LastError), status.LastResult)
	return n > 0, wrap(err, "record that trigger %s fired", t.Ref())
}

// CronReset sets until when a trigger is done, whatever it was before.
func (s *Store) CronReset(ctx context.Context, t slipway.Trigger, until time.Time) error {
	_, err := s.write.ExecContext(ctx, `
		UPDATE triggers SET done_until = $4 WHERE tenant = $1 AND name = $2 AND revision = $3`,
		t.Tenant, t.Name, t.Revision, stamp(until))
	return wrap(err, "set when trigger %s fires next", t.Ref())
}

// TriggersFired adds what triggers did to their statuses, in one transaction.
func (s *Store) TriggersFired(ctx context.Context, did map[slipway.TriggerRef]slipway.TriggerStatus) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		for ref, status := range did {
			_, err := tx.ExecContext(ctx, `
				UPDATE triggers SET fired = fired + $3, last_fired = COALESCE($4, last_fired), last_error = $5,
					last_result = CASE WHEN $6 = '' THEN last_result ELSE $6 END
				WHERE tenant = $1 AND name = $2`,
				ref.Tenant, ref.Name, status.Fired, maybeStamp(status.LastFired), printable(status.LastError), status.LastResult)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "record what triggers did")
}

// ClaimLease takes a lease, or renews it, until a moment; it says whether owner has it.
// One that another owner has is taken once it is over at the given present.
func (s *Store) ClaimLease(ctx context.Context, name, owner string, present, until time.Time) (bool, error) {
	n, err := affected(ctx, s.write, `
		INSERT INTO trigger_leases (name, owner, until) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET owner = $2, until = $3
		WHERE trigger_leases.owner = $2 OR trigger_leases.until < $4`,
		name, owner, stamp(until), stamp(present))
	return n > 0, wrap(err, "claim the lease %s", name)
}
