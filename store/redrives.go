package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

// Redrive makes a new queued invocation of the event of one that failed, expired or was
// cancelled; each names the other. One that was redriven already is ErrConflict.
func (s *Store) Redrive(ctx context.Context, tenant, id, newID string, maxAge time.Duration) error {
	return wrap(s.change(ctx, func(tx *sql.Tx) error {
		return redrive(ctx, tx, tenant, id, newID, maxAge)
	}), "redrive invocation %s", id)
}

func redrive(ctx context.Context, tx *sql.Tx, tenant, id, newID string, maxAge time.Duration) error {
	at := now()
	n, err := affected(ctx, tx, `
		UPDATE invocations SET redriven = $3
		WHERE id = $1 AND tenant = $2 AND redriven = '' AND state IN ('failed', 'expired', 'cancelled')`, id, tenant, newID)
	if err == nil && n == 0 {
		err = notRedrivable(ctx, tx, tenant, id)
	}
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO invocations (id, tenant, function, qualifier, source, state, size, blob, accepted_at, expires_at, next_at)
		SELECT $2, tenant, function, qualifier, $3, 'queued', size, blob, $4, $5, $4 FROM invocations WHERE id = $1`,
		id, newID, "redrive:"+id, at, stamp(at.Add(maxAge)))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO invocation_events (id, content_type, header, http, payload)
		SELECT $2, content_type, header, http, payload FROM invocation_events WHERE id = $1`, id, newID)
	return err
}

// notRedrivable says why nothing was changed.
func notRedrivable(ctx context.Context, tx *sql.Tx, tenant, id string) error {
	var state slipway.InvocationState
	var redriven string
	err := tx.QueryRowContext(ctx, `SELECT state, redriven FROM invocations WHERE id = $1 AND tenant = $2`, id, tenant).Scan(&state, &redriven)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return noInvocation(id)
	case err != nil:
		return err
	case redriven != "":
		return slipway.Errorf(slipway.ErrConflict, "invocation %q was redriven already, as %s", id, redriven)
	}
	return slipway.Errorf(slipway.ErrConflict, "invocation %q is %s; only one that failed, expired or was cancelled can be redriven", id, state)
}

// RedriveDead redrives failed and expired invocations of a function that were not yet,
// oldest first, up to limit of them in one transaction, and says how many.
func (s *Store) RedriveDead(ctx context.Context, ref slipway.FunctionRef, maxAge time.Duration, limit int) (n int, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		ids, err := collect(ctx, tx, func(r row) (id string, err error) { return id, r.Scan(&id) }, `
			SELECT id FROM invocations WHERE tenant = $1 AND function = $2 AND state IN ('failed', 'expired') AND redriven = ''
			ORDER BY accepted_at, id LIMIT $3`, ref.Tenant, ref.Function, limit)
		if err != nil {
			return err
		}
		n = len(ids)
		for _, id := range ids {
			if err := redrive(ctx, tx, ref.Tenant, id, slipway.NewID(), maxAge); err != nil {
				return err
			}
		}
		return nil
	})
	return n, wrap(err, "redrive the dead invocations of %s", ref)
}
