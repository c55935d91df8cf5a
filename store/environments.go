package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/slipway-run/slipway"
)

const selectEnvironment = `SELECT tenant, name, document, created_at FROM compute_environments `

func scanEnvironment(r row) (slipway.ComputeEnvironment, error) {
	e := slipway.DefaultEnvironmentOf("", "")
	var tenant, name string
	err := r.Scan(&tenant, &name, document{&e}, moment{&e.CreatedAt})
	e.Tenant, e.Name, e.Desired, e.Used = tenant, name, 0, 0
	return e, err
}

// PutEnvironment makes a compute environment, or replaces one that exists; created says
// which. Its time of creation stays what it was.
func (s *Store) PutEnvironment(ctx context.Context, e slipway.ComputeEnvironment) (stored slipway.ComputeEnvironment, created bool, err error) {
	e.Desired, e.Used = 0, 0
	created, err = s.putDocument(ctx, "compute_environments", e.Tenant, e.Name, e)
	if err != nil {
		return e, false, wrap(err, "write compute environment %s", e.Name)
	}
	stored, err = s.Environment(ctx, e.Tenant, e.Name)
	return stored, created, err
}

// putDocument makes or replaces the row of a tenant's thing.
func (s *Store) putDocument(ctx context.Context, table, tenant, name string, v any) (created bool, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		n, err := affected(ctx, tx, `UPDATE `+table+` SET document = $3 WHERE tenant = $1 AND name = $2`, tenant, name, document{v})
		if created = n == 0; err != nil || !created {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO `+table+` (tenant, name, document, created_at) VALUES ($1, $2, $3, $4)`,
			tenant, name, document{v}, now())
		return err
	})
	if isOrphan(err) {
		err = noTenant(tenant)
	}
	return created, err
}

// Environment reads a compute environment. The one named default is there for every
// tenant, whether or not it was made.
func (s *Store) Environment(ctx context.Context, tenant, name string) (slipway.ComputeEnvironment, error) {
	e, err := scanEnvironment(s.read.QueryRowContext(ctx, selectEnvironment+`WHERE tenant = $1 AND name = $2`, tenant, name))
	switch {
	case errors.Is(err, sql.ErrNoRows) && name == slipway.DefaultEnvironment:
		return slipway.DefaultEnvironmentOf(tenant, name), nil
	case errors.Is(err, sql.ErrNoRows):
		return e, noEnvironment(name)
	}
	return e, wrap(err, "read compute environment %s", name)
}

// Environments lists a tenant's compute environments by name, the one named default
// always among them. With tenant "" it lists those of all tenants that were made.
func (s *Store) Environments(ctx context.Context, tenant string) ([]slipway.ComputeEnvironment, error) {
	all, err := collect(ctx, s.read, scanEnvironment, selectEnvironment+`WHERE $1 IN ('', tenant) ORDER BY tenant, name`, tenant)
	if err != nil {
		return nil, wrap(err, "list compute environments")
	}
	if tenant == "" {
		return all, nil
	}
	return withDefault(all, slipway.DefaultEnvironmentOf(tenant, slipway.DefaultEnvironment), func(e slipway.ComputeEnvironment) string { return e.Name }), nil
}

// withDefault puts the one that is always there into a list by name that lacks it.
func withDefault[T any](all []T, standard T, name func(T) string) []T {
	for i, v := range all {
		switch {
		case name(v) == name(standard):
			return all
		case name(v) > name(standard):
			return append(all[:i:i], append([]T{standard}, all[i:]...)...)
		}
	}
	return append(all, standard)
}

// DeleteEnvironment removes a compute environment. One that a queue names is ErrConflict;
// the one named default goes back to what it is without being made.
func (s *Store) DeleteEnvironment(ctx context.Context, tenant, name string) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		queues, err := collect(ctx, tx, scanQueue, selectQueue+`WHERE tenant = $1`, tenant)
		if err != nil {
			return err
		}
		for _, q := range queues {
			for _, used := range q.ComputeEnvironments {
				if used == name && name != slipway.DefaultEnvironment {
					return slipway.Errorf(slipway.ErrConflict, "compute environment %q is used by queue %q; change or delete that first", name, q.Name)
				}
			}
		}
		n, err := affected(ctx, tx, `DELETE FROM compute_environments WHERE tenant = $1 AND name = $2`, tenant, name)
		if err == nil && n == 0 && name == slipway.DefaultEnvironment {
			return slipway.Errorf(slipway.ErrConflict, "compute environment %q is always there and was not changed; there is nothing to delete", name)
		}
		if err == nil && n == 0 {
			return noEnvironment(name)
		}
		return err
	})
	return wrap(err, "delete compute environment %s", name)
}

func noEnvironment(name string) error {
	return slipway.Errorf(slipway.ErrNotFound, "compute environment %q does not exist; make it with 'slipway environments put %[1]s'", name)
}
