package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/slipway-run/slipway"
)

const selectTenant = `SELECT name, max_concurrency, created_at FROM tenants `

func scanTenant(r row) (slipway.Tenant, error) {
	var t slipway.Tenant
	err := r.Scan(&t.Name, &t.MaxConcurrency, moment{&t.CreatedAt})
	return t, err
}

// PutTenant makes a tenant, or changes the limits of one that exists; it returns the
// tenant, and whether it is new. The default one exists from the start.
func (s *Store) PutTenant(ctx context.Context, t slipway.Tenant) (stored slipway.Tenant, created bool, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		n, err := affected(ctx, tx, `UPDATE tenants SET max_concurrency = $2 WHERE name = $1`, t.Name, t.MaxConcurrency)
		if created = n == 0; err != nil || !created {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO tenants (name, max_concurrency, created_at) VALUES ($1, $2, $3)`,
			t.Name, t.MaxConcurrency, stampOrNow(t.CreatedAt))
		return err
	})
	if err != nil {
		return t, false, wrap(err, "write tenant %s", t.Name)
	}
	stored, err = s.Tenant(ctx, t.Name)
	return stored, created, err
}

// Tenant reads one tenant.
func (s *Store) Tenant(ctx context.Context, name string) (slipway.Tenant, error) {
	t, err := scanTenant(s.read.QueryRowContext(ctx, selectTenant+`WHERE name = $1`, name))
	if errors.Is(err, sql.ErrNoRows) {
		return t, noTenant(name)
	}
	return t, wrap(err, "read tenant %s", name)
}

// Tenants lists all tenants by name.
func (s *Store) Tenants(ctx context.Context) ([]slipway.Tenant, error) {
	all, err := collect(ctx, s.read, scanTenant, selectTenant+`ORDER BY name`)
	return all, wrap(err, "list tenants")
}

// DeleteTenant removes a tenant that has no functions and no unfinished jobs, and its keys,
// queues, invocations and ended jobs. One that has some is ErrConflict, and so is the default one.
func (s *Store) DeleteTenant(ctx context.Context, name string) error {
	if name == slipway.DefaultTenant {
		return slipway.Errorf(slipway.ErrConflict, "tenant %q cannot be deleted", name)
	}
	var n int
	err := s.change(ctx, func(tx *sql.Tx) (err error) {
		if err := s.hasEnded(ctx, tx, name); err != nil {
			return err
		}
		if n, err = affected(ctx, tx, `DELETE FROM tenants WHERE name = $1`, name); err != nil {
			return err
		}
		// A tenant that gets the name later must not see them.
		_, err = tx.ExecContext(ctx, `DELETE FROM invocations WHERE tenant = $1`, name)
		return err
	})
	switch {
	case isOrphan(err):
		return slipway.Errorf(slipway.ErrConflict, "tenant %q has functions; delete them first", name)
	case err == nil && n == 0:
		return noTenant(name)
	}
	return wrap(err, "delete tenant %s", name)
}

// hasEnded says whether all jobs of a tenant have, and keeps new ones out until the
// transaction ends.
func (s *Store) hasEnded(ctx context.Context, tx *sql.Tx, tenant string) error {
	var unfinished int
	_, err := tx.ExecContext(ctx, `SELECT f.name FROM tenants f WHERE f.name = $1 `+s.dialect.forUpdate, tenant)
	if err == nil {
		err = tx.QueryRowContext(ctx, `SELECT count(*) FROM jobs WHERE tenant = $1 AND stopped_at IS NULL`, tenant).Scan(&unfinished)
	}
	if err == nil && unfinished > 0 {
		err = slipway.Errorf(slipway.ErrConflict, "tenant %q has %d jobs that have not ended; wait for them or terminate them first", tenant, unfinished)
	}
	return err
}
