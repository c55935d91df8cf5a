package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/slipway-run/slipway"
)

const selectDefinition = `SELECT tenant, name, revision, active, document, created_at FROM job_definitions `

func scanDefinition(r row) (slipway.JobDefinition, error) {
	d := slipway.DefaultJobDefinition()
	var tenant, name string
	var revision int
	var active bool
	err := r.Scan(&tenant, &name, &revision, &active, document{&d}, moment{&d.CreatedAt})
	d.Tenant, d.Name, d.Revision, d.Active = tenant, name, revision, active
	return d, err
}

// AddDefinition adds a revision of a job definition and gives it with its number, which
// is one more than that of the revision before, active or not.
func (s *Store) AddDefinition(ctx context.Context, d slipway.JobDefinition) (slipway.JobDefinition, error) {
	d.Active, d.CreatedAt = true, stampOrNow(d.CreatedAt)
	for {
		err := s.change(ctx, func(tx *sql.Tx) error { return addDefinition(ctx, tx, &d) })
		switch {
		case isDuplicate(err): // with PostgreSQL another one can have taken the number
			continue
		case isOrphan(err):
			err = noTenant(d.Tenant)
		}
		return d, wrap(err, "add a revision of job definition %s", d.Name)
	}
}

func addDefinition(ctx context.Context, tx *sql.Tx, d *slipway.JobDefinition) error {
	err := tx.QueryRowContext(ctx, `SELECT COALESCE(max(revision), 0) + 1 FROM job_definitions WHERE tenant = $1 AND name = $2`, d.Tenant, d.Name).Scan(&d.Revision)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO job_definitions (tenant, name, revision, active, document, created_at)
		VALUES ($1, $2, $3, true, $4, $5)`, d.Tenant, d.Name, d.Revision, document{d}, d.CreatedAt)
	return err
}

// Definition reads a revision of a job definition; revision 0 is the newest active one.
func (s *Store) Definition(ctx context.Context, tenant, name string, revision int) (slipway.JobDefinition, error) {
	d, err := scanDefinition(s.read.QueryRowContext(ctx, selectDefinition+`
		WHERE tenant = $1 AND name = $2 AND (revision = $3 OR $3 = 0 AND active)
		ORDER BY revision DESC LIMIT 1`, tenant, name, revision))
	if errors.Is(err, sql.ErrNoRows) {
		return d, noDefinition(name, revision)
	}
	return d, wrap(err, "read job definition %s", name)
}

// Definitions lists the active revisions of a tenant's job definitions by name, newest
// first; of one name alone, the inactive ones too. The name "" is all.
func (s *Store) Definitions(ctx context.Context, tenant, name string) ([]slipway.JobDefinition, error) {
	all, err := collect(ctx, s.read, scanDefinition, selectDefinition+`
		WHERE tenant = $1 AND ($2 = '' AND active OR name = $2) ORDER BY name, revision DESC`, tenant, name)
	return all, wrap(err, "list job definitions")
}

// DeactivateDefinition takes a revision of a job definition out of use: new jobs cannot
// name it, those that do go on. Revision 0 is all of them.
func (s *Store) DeactivateDefinition(ctx context.Context, tenant, name string, revision int) error {
	n, err := affected(ctx, s.write, `
		UPDATE job_definitions SET active = false
		WHERE tenant = $1 AND name = $2 AND $3 IN (0, revision) AND active`, tenant, name, revision)
	if err == nil && n == 0 {
		err = noDefinition(name, revision)
	}
	return wrap(err, "deactivate job definition %s", name)
}

func noDefinition(name string, revision int) error {
	if revision > 0 {
		return slipway.Errorf(slipway.ErrNotFound, "revision %d of job definition %q does not exist, or is out of use; 'slipway definitions list --name %[2]s' shows all", revision, name)
	}
	return slipway.Errorf(slipway.ErrNotFound, "job definition %q does not exist, or has no active revision; register one with 'slipway definitions put %[1]s'", name)
}
