package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/slipway-run/slipway"
)

// selectFunction reads functions f; Live comes from the alias of that name.
const selectFunction = `
	SELECT f.tenant, f.name, f.config, f.paused, COALESCE(a.version, 0), f.created_at, f.updated_at
	FROM functions f
	LEFT JOIN aliases a ON a.tenant = f.tenant AND a.function = f.name AND a.name = '` + slipway.LiveAlias + `' `

func scanFunction(r row) (slipway.Function, error) {
	// A document of an older Slipway lacks the newer fields: they get their defaults.
	f := slipway.Function{Config: slipway.DefaultConfig()}
	err := r.Scan(&f.Tenant, &f.Name, configuration{&f.Config}, &f.Paused, &f.Live, moment{&f.CreatedAt}, moment{&f.UpdatedAt})
	return f, err
}

// CreateFunction adds f without a version. Times that are zero are now. A name that is
// taken is ErrConflict, an unknown tenant ErrNotFound.
func (s *Store) CreateFunction(ctx context.Context, f slipway.Function) error {
	created := stampOrNow(f.CreatedAt)
	updated := created
	if !f.UpdatedAt.IsZero() {
		updated = stamp(f.UpdatedAt)
	}
	_, err := s.write.ExecContext(ctx, `
		INSERT INTO functions (tenant, name, config, paused, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		f.Tenant, f.Name, document{f.Config}, f.Paused, created, updated)
	switch {
	case isDuplicate(err):
		return slipway.Errorf(slipway.ErrConflict, "function %q exists already", f.Name)
	case isOrphan(err):
		return noTenant(f.Tenant)
	}
	return wrap(err, "create function %s", f.Name)
}

// Function reads one function.
func (s *Store) Function(ctx context.Context, ref slipway.FunctionRef) (slipway.Function, error) {
	return readFunction(ctx, s.read, ref, "")
}

func readFunction(ctx context.Context, db database, ref slipway.FunctionRef, suffix string) (slipway.Function, error) {
	f, err := scanFunction(db.QueryRowContext(ctx,
		selectFunction+`WHERE f.tenant = $1 AND f.name = $2 `+suffix, ref.Tenant, ref.Function))
	if errors.Is(err, sql.ErrNoRows) {
		return f, noFunction(ref)
	}
	return f, wrap(err, "read function %s", ref)
}

// UpdateFunction reads a function, lets edit change its Config and Paused and writes it
// back, with nobody in between: of two updates at the same time each sees the other's, in
// one order or the other. An error of edit is returned as it is, and nothing changes.
// edit must not call the store. UpdatedAt becomes now.
func (s *Store) UpdateFunction(ctx context.Context, ref slipway.FunctionRef, edit func(*slipway.Function) error) (slipway.Function, error) {
	var f slipway.Function
	err := s.change(ctx, func(tx *sql.Tx) error {
		old, err := readFunction(ctx, tx, ref, s.dialect.forUpdate)
		if err != nil {
			return err
		}
		f = old
		f.Config = old.Config.Clone()
		if err := edit(&f); err != nil {
			return refused{err}
		}
		f = slipway.Function{Tenant: old.Tenant, Name: old.Name, Config: f.Config, Paused: f.Paused, Live: old.Live, CreatedAt: old.CreatedAt, UpdatedAt: now()}
		_, err = tx.ExecContext(ctx, `UPDATE functions SET config = $3, paused = $4, updated_at = $5 WHERE tenant = $1 AND name = $2`,
			ref.Tenant, ref.Function, document{f.Config}, f.Paused, f.UpdatedAt)
		return err
	})
	if byCaller := (refused{}); errors.As(err, &byCaller) {
		return slipway.Function{}, byCaller.error
	}
	if err != nil {
		return slipway.Function{}, wrap(err, "update function %s", ref)
	}
	return f, nil
}

// refused carries an error of the caller's own function through a transaction.
type refused struct{ error }

// Functions lists the functions of a tenant by name.
func (s *Store) Functions(ctx context.Context, tenant string, page slipway.Page) (slipway.List[slipway.Function], error) {
	var none slipway.List[slipway.Function]
	limit, err := pageLimit(page.Limit)
	if err != nil {
		return none, err
	}
	after, err := decodeCursor(page.Cursor)
	if err != nil {
		return none, err
	}
	items, err := collect(ctx, s.read, scanFunction,
		selectFunction+`WHERE f.tenant = $1 AND f.name > $2 ORDER BY f.name LIMIT $3`, tenant, after, limit+1)
	if err != nil {
		return none, wrap(err, "list functions")
	}
	return cut(items, limit, func(f slipway.Function) string { return f.Name }), nil
}

// DeleteFunction removes a function with its versions, aliases, builds and their logs.
func (s *Store) DeleteFunction(ctx context.Context, ref slipway.FunctionRef) error {
	n, err := affected(ctx, s.write, `DELETE FROM functions WHERE tenant = $1 AND name = $2`, ref.Tenant, ref.Function)
	if err == nil && n == 0 {
		return noFunction(ref)
	}
	return wrap(err, "delete function %s", ref)
}

// needFunction is an error unless the function exists: a list that is empty may be
// that of a function that is not there.
func (s *Store) needFunction(ctx context.Context, ref slipway.FunctionRef) error {
	var one int
	err := s.read.QueryRowContext(ctx, `SELECT 1 FROM functions WHERE tenant = $1 AND name = $2`, ref.Tenant, ref.Function).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return noFunction(ref)
	}
	return wrap(err, "read function %s", ref)
}
