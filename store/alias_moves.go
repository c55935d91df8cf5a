package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/slipway-run/slipway"
)

// decidedAlias is an alias with the number up to which versions do not take it when they
// are finished.
type decidedAlias struct {
	slipway.Alias
	decided int
}

func readAlias(ctx context.Context, db database, ref slipway.FunctionRef, name string) (decidedAlias, error) {
	var r aliasRow
	var decided int
	err := db.QueryRowContext(ctx, `SELECT `+aliasColumns+`, a.decided FROM aliases a WHERE a.tenant = $1 AND a.function = $2 AND a.name = $3`,
		ref.Tenant, ref.Function, name).Scan(append(r.columns(), &decided)...)
	if errors.Is(err, sql.ErrNoRows) {
		return decidedAlias{}, noAlias(ref, name)
	}
	return decidedAlias{r.alias(), decided}, wrap(err, "read alias %s of %s", name, ref)
}

// follow is next as it comes after old, which may be the zero value: what it named
// before, since when it names what it does, and the next revision.
func follow(old, next slipway.Alias) slipway.Alias {
	at := now()
	next.Revision = old.Revision + 1
	if next.Canary != nil {
		next.Canary = next.Canary.Begin(next.Canary.Step, at)
		other, _ := next.Other()
		next.Weights = map[int]float64{other: next.Canary.Share()}
	}
	if old.Version == next.Version {
		next.Previous, next.MovedAt = old.Previous, old.MovedAt
		if next.MovedBy.Automatic() || !old.MovedBy.Automatic() { // else a person has chosen what came by itself
			next.MovedBy = old.MovedBy
		}
		return next
	}
	next.Previous, next.MovedAt = old.Version, at
	return next
}

func writeAlias(ctx context.Context, tx *sql.Tx, a decidedAlias) error {
	split := splitOf(a.Weights)
	_, err := tx.ExecContext(ctx, `
		INSERT INTO aliases (tenant, function, name, version, other_version, other_weight, canary, previous, moved_at, moved_by, revision, decided)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (tenant, function, name) DO UPDATE
		SET version = excluded.version, other_version = excluded.other_version, other_weight = excluded.other_weight,
			canary = excluded.canary, previous = excluded.previous, moved_at = excluded.moved_at, moved_by = excluded.moved_by,
			revision = excluded.revision, decided = excluded.decided`,
		a.Tenant, a.Function, a.Name, a.Version, split.version, split.weight, maybeCanary{&a.Canary},
		a.Previous, stampOrNull(a.MovedAt), a.MovedBy, a.Revision, a.decided)
	return err
}

// lockFunction gives the highest number that a version of the function ever had. Nobody
// else moves its aliases until the transaction ends.
func (s *Store) lockFunction(ctx context.Context, tx *sql.Tx, ref slipway.FunctionRef) (last int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT f.last_version FROM functions f WHERE f.tenant = $1 AND f.name = $2 `+s.dialect.forUpdate,
		ref.Tenant, ref.Function).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, noFunction(ref)
	}
	return last, err
}

// StepAlias changes an alias from old to next, as the platform itself decides to, unless
// it has changed since old was read: ErrConflict then. The mark, if there is one, is kept
// with its version. It returns the alias as it is then.
func (s *Store) StepAlias(ctx context.Context, old, next slipway.Alias, mark *slipway.Mark) (slipway.Alias, error) {
	if err := checkSplit(next); err != nil {
		return old, err
	}
	err := s.change(ctx, func(tx *sql.Tx) error {
		if _, err := s.lockFunction(ctx, tx, old.Ref()); err != nil {
			return err
		}
		now, err := readAlias(ctx, tx, old.Ref(), old.Name)
		if err != nil {
			return err
		}
		if now.Revision != old.Revision {
			return slipway.Errorf(slipway.ErrConflict, "alias %q of function %q has changed meanwhile", old.Name, old.Function)
		}
		next = follow(now.Alias, next)
		if err := writeAlias(ctx, tx, decidedAlias{next, now.decided}); err != nil || mark == nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE versions SET reason = $4 WHERE tenant = $1 AND function = $2 AND number = $3 AND state = 'ready'`,
			old.Tenant, old.Function, mark.Version, printable(mark.Reason))
		return err
	})
	return next, wrap(err, "step alias %s of function %s", old.Name, old.Function)
}

// unmark takes the marks from the versions that a names.
func unmark(ctx context.Context, tx *sql.Tx, a slipway.Alias) error {
	for _, version := range named(a) {
		_, err := tx.ExecContext(ctx, `
			UPDATE versions SET reason = '' WHERE tenant = $1 AND function = $2 AND number = $3 AND state = 'ready' AND reason <> ''`,
			a.Tenant, a.Function, version)
		if err != nil {
			return err
		}
	}
	return nil
}

// promote has an alias name a version that has just become ready, and says whether it
// does. With a canary the version gets its first share only, where there is another one
// to share with. The function is locked.
func promote(ctx context.Context, tx *sql.Tx, v slipway.Version, alias string, canary *slipway.Canary) (bool, error) {
	ref := slipway.FunctionRef{Tenant: v.Tenant, Function: v.Function}
	old, err := readAlias(ctx, tx, ref, alias)
	switch {
	case errors.Is(err, slipway.ErrNotFound):
	case err != nil:
		return false, err
	case v.Number <= old.decided:
		return false, nil
	}
	next := slipway.Alias{Tenant: v.Tenant, Function: v.Function, Name: alias, Version: v.Number, MovedBy: slipway.MovedByDeploy}
	if canary != nil && old.Version > 0 {
		next.Version, next.Weights, next.Canary = old.Version, map[int]float64{v.Number: canary.Share()}, canary.Begin(0, now())
	}
	return true, writeAlias(ctx, tx, decidedAlias{follow(old.Alias, next), v.Number})
}
