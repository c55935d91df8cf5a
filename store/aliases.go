package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/slipway-run/slipway"
)

const selectAlias = `SELECT tenant, function, name, version, other_version, other_weight FROM aliases `

func scanAlias(r row) (slipway.Alias, error) {
	var a slipway.Alias
	var split split
	err := r.Scan(&a.Tenant, &a.Function, &a.Name, &a.Version, &split.version, &split.weight)
	a.Weights = split.weights()
	return a, err
}

// split is the second version of an alias and its share; NULL when there is none.
type split struct {
	version sql.Null[int]
	weight  sql.Null[float64]
}

func splitOf(weights map[int]float64) split {
	var s split
	for version, weight := range weights { // one at most, see checkSplit
		s.version, s.weight = sql.Null[int]{V: version, Valid: true}, sql.Null[float64]{V: weight, Valid: true}
	}
	return s
}

func (s split) weights() map[int]float64 {
	if !s.version.Valid {
		return nil
	}
	return map[int]float64{s.version.V: s.weight.V}
}

// PutAlias makes or changes an alias. Versions that do not exist are ErrNotFound, ones
// that are not ready ErrConflict, a split that cannot be ErrInvalid.
func (s *Store) PutAlias(ctx context.Context, a slipway.Alias) error {
	if err := checkSplit(a); err != nil {
		return err
	}
	err := s.change(ctx, func(tx *sql.Tx) error {
		for _, version := range named(a) {
			if err := needReady(ctx, tx, slipway.VersionRef{Tenant: a.Tenant, Function: a.Function, Version: version}); err != nil {
				return err
			}
		}
		return writeAlias(ctx, tx, a)
	})
	return wrap(err, "write alias %s of function %s", a.Name, a.Function)
}

func checkSplit(a slipway.Alias) error {
	if len(a.Weights) > 1 {
		return slipway.Errorf(slipway.ErrInvalid, "weights: an alias splits between its version and at most one other, not %d others", len(a.Weights))
	}
	for version, weight := range a.Weights {
		if version == a.Version {
			return slipway.Errorf(slipway.ErrInvalid, "weights: version %d is the alias's own; give the weight of another version", version)
		}
		if !(weight >= 0 && weight <= 1) { // written so that NaN is refused
			return slipway.Errorf(slipway.ErrInvalid, "weights: %v is not allowed for version %d; it must be between 0 and 1", weight, version)
		}
	}
	return nil
}

// named is every version that a sends events to.
func named(a slipway.Alias) []int {
	versions := []int{a.Version}
	for version := range a.Weights {
		versions = append(versions, version)
	}
	return versions
}

// needReady is an error unless the version can get events. It stays true: a version
// that is ready stays so as long as its function.
func needReady(ctx context.Context, db database, ref slipway.VersionRef) error {
	state, err := versionState(ctx, db, ref)
	if err == nil && state != slipway.VersionReady {
		return slipway.Errorf(slipway.ErrConflict, "version %d of function %q is %s; only a ready version can get events", ref.Version, ref.Function, state)
	}
	return err
}

func writeAlias(ctx context.Context, tx *sql.Tx, a slipway.Alias) error {
	split := splitOf(a.Weights)
	_, err := tx.ExecContext(ctx, `
		INSERT INTO aliases (tenant, function, name, version, other_version, other_weight)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (tenant, function, name) DO UPDATE
		SET version = excluded.version, other_version = excluded.other_version, other_weight = excluded.other_weight`,
		a.Tenant, a.Function, a.Name, a.Version, split.version, split.weight)
	if isOrphan(err) { // the function was deleted meanwhile
		return noFunction(slipway.FunctionRef{Tenant: a.Tenant, Function: a.Function})
	}
	return err
}

// Alias reads one alias.
func (s *Store) Alias(ctx context.Context, ref slipway.FunctionRef, name string) (slipway.Alias, error) {
	a, err := scanAlias(s.read.QueryRowContext(ctx,
		selectAlias+`WHERE tenant = $1 AND function = $2 AND name = $3`, ref.Tenant, ref.Function, name))
	if errors.Is(err, sql.ErrNoRows) {
		return a, noAlias(ref, name)
	}
	return a, wrap(err, "read alias %s of %s", name, ref)
}

// Aliases lists the aliases of a function by name.
func (s *Store) Aliases(ctx context.Context, ref slipway.FunctionRef) ([]slipway.Alias, error) {
	all, err := collect(ctx, s.read, scanAlias,
		selectAlias+`WHERE tenant = $1 AND function = $2 ORDER BY name`, ref.Tenant, ref.Function)
	if err != nil {
		return nil, wrap(err, "list aliases of %s", ref)
	}
	if len(all) == 0 {
		return all, s.needFunction(ctx, ref)
	}
	return all, nil
}

// DeleteAlias removes an alias. The live one is ErrConflict: a function that has been
// deployed stays so until it is deleted.
func (s *Store) DeleteAlias(ctx context.Context, ref slipway.FunctionRef, name string) error {
	if name == slipway.LiveAlias {
		return slipway.Errorf(slipway.ErrConflict, "alias %q cannot be deleted; point it at another version, or delete the function", name)
	}
	n, err := affected(ctx, s.write, `DELETE FROM aliases WHERE tenant = $1 AND function = $2 AND name = $3`,
		ref.Tenant, ref.Function, name)
	if err == nil && n == 0 {
		return noAlias(ref, name)
	}
	return wrap(err, "delete alias %s of %s", name, ref)
}
