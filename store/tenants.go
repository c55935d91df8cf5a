package store

import (
	"context"

	"github.com/slipway-run/slipway"
)

func scanTenant(r row) (slipway.Tenant, error) {
	var t slipway.Tenant
	err := r.Scan(&t.Name, moment{&t.CreatedAt})
	return t, err
}

// AddTenant adds a tenant. The default one exists from the start.
func (s *Store) AddTenant(ctx context.Context, t slipway.Tenant) error {
	_, err := s.write.ExecContext(ctx, `INSERT INTO tenants (name, created_at) VALUES ($1, $2)`, t.Name, stampOrNow(t.CreatedAt))
	if isDuplicate(err) {
		return slipway.Errorf(slipway.ErrConflict, "tenant %q exists already", t.Name)
	}
	return wrap(err, "add tenant %s", t.Name)
}

// Tenants lists all tenants by name.
func (s *Store) Tenants(ctx context.Context) ([]slipway.Tenant, error) {
	all, err := collect(ctx, s.read, scanTenant, `SELECT name, created_at FROM tenants ORDER BY name`)
	return all, wrap(err, "list tenants")
}
