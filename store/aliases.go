package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

const aliasColumns = `a.tenant, a.function, a.name, a.version, a.other_version, a.other_weight, a.canary, a.previous, a.moved_at, a.moved_by, a.revision`

const selectAlias = `SELECT ` + aliasColumns + ` FROM aliases a `

func scanAlias(r row) (slipway.Alias, error) {
	var a aliasRow
	err := r.Scan(a.columns()...)
	return a.alias(), err
}

// aliasRow reads the columns of an alias.
type aliasRow struct {
	a      slipway.Alias
	split  split
	canary *slipway.Canary
	moved  *time.Time
}

// columns is where aliasColumns go.
func (r *aliasRow) columns() []any {
	return []any{&r.a.Tenant, &r.a.Function, &r.a.Name, &r.a.Version, &r.split.version, &r.split.weight,
		maybeCanary{&r.canary}, &r.a.Previous, maybeMoment{&r.moved}, &r.a.MovedBy, &r.a.Revision}
}

func (r *aliasRow) alias() slipway.Alias {
	r.a.Weights, r.a.Canary = r.split.weights(), r.canary
	if r.moved != nil {
		r.a.MovedAt = *r.moved
	}
	return r.a
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

// PutAlias makes or changes an alias because somebody said so (a.MovedBy), and returns it
// as it is then. Versions that are being built do not move it by themselves any more, and
// what the platform had against those that it names is forgotten.
// Versions that do not exist are ErrNotFound, ones that are not ready ErrConflict, a
// split or canary that cannot be ErrInvalid.
func (s *Store) PutAlias(ctx context.Context, a slipway.Alias) (slipway.Alias, error) {
	if err := checkSplit(a); err != nil {
		return a, err
	}
	err := s.change(ctx, func(tx *sql.Tx) error {
		last, err := s.lockFunction(ctx, tx, a.Ref())
		if err != nil {
			return err
		}
		for _, version := range named(a) {
			if err := needReady(ctx, tx, slipway.VersionRef{Tenant: a.Tenant, Function: a.Function, Version: version}); err != nil {
				return err
			}
		}
		old, err := readAlias(ctx, tx, a.Ref(), a.Name)
		if err != nil && !errors.Is(err, slipway.ErrNotFound) {
			return err
		}
		a = follow(old.Alias, a)
		if err := writeAlias(ctx, tx, decidedAlias{a, last}); err != nil {
			return err
		}
		return unmark(ctx, tx, a)
	})
	return a, wrap(err, "write alias %s of function %s", a.Name, a.Function)
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
	if a.Canary == nil {
		return nil
	}
	if len(a.Weights) != 1 {
		return slipway.Errorf(slipway.ErrInvalid, "canary: it needs a second version with its share in weights")
	}
	return a.Canary.Check()
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

// Alias reads one alias.
func (s *Store) Alias(ctx context.Context, ref slipway.FunctionRef, name string) (slipway.Alias, error) {
	a, err := readAlias(ctx, s.read, ref, name)
	return a.Alias, err
}

// Aliases lists the aliases of a function by name.
func (s *Store) Aliases(ctx context.Context, ref slipway.FunctionRef) ([]slipway.Alias, error) {
	all, err := collect(ctx, s.read, scanAlias,
		selectAlias+`WHERE a.tenant = $1 AND a.function = $2 ORDER BY a.name`, ref.Tenant, ref.Function)
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
