package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strconv"

	"github.com/slipway-run/slipway"
)

const selectVersion = `
	SELECT tenant, function, number, image, digest, protocol, runtime, config, state, reason, created_at
	FROM versions `

func scanVersion(r row) (slipway.Version, error) {
	v := slipway.Version{Config: slipway.DefaultConfig()}
	err := r.Scan(&v.Tenant, &v.Function, &v.Number, &v.Image, &v.Digest, &v.Protocol, &v.Runtime,
		configuration{&v.Config}, &v.State, &v.Reason, moment{&v.CreatedAt})
	return v, err
}

// AddVersion adds v with the next number of its function and returns it with that
// number, a state (building unless it has one) and a time. Numbers start at 1 and are
// never given twice, not even after DropVersion: invokers may hold instances of the
// dropped version under its number.
func (s *Store) AddVersion(ctx context.Context, v slipway.Version) (slipway.Version, error) {
	v.CreatedAt = stampOrNow(v.CreatedAt)
	if v.State == "" {
		v.State = slipway.VersionBuilding
	}
	v.Reason = printable(v.Reason)
	err := s.change(ctx, func(tx *sql.Tx) error {
		var err error
		if v.Number, err = nextNumber(ctx, tx, slipway.FunctionRef{Tenant: v.Tenant, Function: v.Function}); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO versions (tenant, function, number, image, digest, protocol, runtime, config, state, reason, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			v.Tenant, v.Function, v.Number, v.Image, v.Digest, v.Protocol, v.Runtime, document{v.Config}, v.State, v.Reason, v.CreatedAt)
		return err
	})
	if err != nil {
		return slipway.Version{}, wrap(err, "add a version of function %s", v.Function)
	}
	return v, nil
}

// nextNumber takes the next number; the row stays locked until the transaction ends.
func nextNumber(ctx context.Context, tx *sql.Tx, ref slipway.FunctionRef) (number int, err error) {
	err = tx.QueryRowContext(ctx, `
		UPDATE functions SET last_version = last_version + 1
		WHERE tenant = $1 AND name = $2
		RETURNING last_version`, ref.Tenant, ref.Function).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, noFunction(ref)
	}
	return number, err
}

// Version reads one version.
func (s *Store) Version(ctx context.Context, ref slipway.VersionRef) (slipway.Version, error) {
	v, err := scanVersion(s.read.QueryRowContext(ctx,
		selectVersion+`WHERE tenant = $1 AND function = $2 AND number = $3`, ref.Tenant, ref.Function, ref.Version))
	if errors.Is(err, sql.ErrNoRows) {
		return v, noVersion(ref)
	}
	return v, wrap(err, "read version %s", ref)
}

// Versions lists the versions of a function, newest first.
func (s *Store) Versions(ctx context.Context, ref slipway.FunctionRef, page slipway.Page) (slipway.List[slipway.Version], error) {
	var none slipway.List[slipway.Version]
	limit, err := pageLimit(page.Limit)
	if err != nil {
		return none, err
	}
	before, err := numberCursor(page.Cursor)
	if err != nil {
		return none, err
	}
	items, err := collect(ctx, s.read, scanVersion,
		selectVersion+`WHERE tenant = $1 AND function = $2 AND number < $3 ORDER BY number DESC LIMIT $4`,
		ref.Tenant, ref.Function, before, limit+1)
	if err != nil {
		return none, wrap(err, "list versions of %s", ref)
	}
	if len(items) == 0 {
		if err := s.needFunction(ctx, ref); err != nil {
			return none, err
		}
	}
	return cut(items, limit, func(v slipway.Version) string { return strconv.Itoa(v.Number) }), nil
}

func numberCursor(cursor string) (int, error) {
	if cursor == "" {
		return math.MaxInt32, nil
	}
	key, err := decodeCursor(cursor)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(key, 10, 32)
	if err != nil {
		return 0, badCursor(cursor)
	}
	return int(n), nil
}

// FinishVersion records how the making of v ended: its state (ready or failed), reason,
// image, digest, protocol, runtime and configuration. When it is ready and alias is not
// "", that alias names it from the same moment: without a split, or with a canary as the
// second version. It does not when it names a newer version, or somebody has said since
// v was added where it goes; moved says which. A version that is not building any more
// is ErrConflict.
func (s *Store) FinishVersion(ctx context.Context, v slipway.Version, alias string, canary *slipway.Canary) (moved bool, err error) {
	if v.State != slipway.VersionReady && v.State != slipway.VersionFailed {
		return false, slipway.Errorf(slipway.ErrInvalid, "store: a version is finished as ready or failed, not as %q", v.State)
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		if _, err := s.lockFunction(ctx, tx, slipway.FunctionRef{Tenant: v.Tenant, Function: v.Function}); err != nil {
			return err
		}
		if err := finishVersion(ctx, tx, v); err != nil || v.State != slipway.VersionReady || alias == "" {
			return err
		}
		moved, err = promote(ctx, tx, v, alias, canary)
		return err
	})
	return moved && err == nil, wrap(err, "finish version %s", v.Ref())
}

func finishVersion(ctx context.Context, tx *sql.Tx, v slipway.Version) error {
	n, err := affected(ctx, tx, `
		UPDATE versions
		SET image = $4, digest = $5, protocol = $6, runtime = $7, config = $8, state = $9, reason = $10
		WHERE tenant = $1 AND function = $2 AND number = $3 AND state = 'building'`,
		v.Tenant, v.Function, v.Number, v.Image, v.Digest, v.Protocol, v.Runtime, document{v.Config}, v.State, printable(v.Reason))
	if err == nil && n == 0 {
		return notBuilding(ctx, tx, v.Ref())
	}
	return err
}

// DropVersion removes a version that is still building, when it turned out to be no
// different from one that exists. One that is finished is ErrConflict.
func (s *Store) DropVersion(ctx context.Context, ref slipway.VersionRef) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		n, err := affected(ctx, tx, `
			DELETE FROM versions WHERE tenant = $1 AND function = $2 AND number = $3 AND state = 'building'`,
			ref.Tenant, ref.Function, ref.Version)
		if err == nil && n == 0 {
			return notBuilding(ctx, tx, ref)
		}
		return err
	})
	return wrap(err, "drop version %s", ref)
}

// notBuilding is the error of a version that is not there or is finished.
func notBuilding(ctx context.Context, db database, ref slipway.VersionRef) error {
	state, err := versionState(ctx, db, ref)
	if err != nil {
		return err
	}
	return slipway.Errorf(slipway.ErrConflict, "version %d of function %q is %s already", ref.Version, ref.Function, state)
}

func versionState(ctx context.Context, db database, ref slipway.VersionRef) (state slipway.VersionState, err error) {
	err = db.QueryRowContext(ctx, `SELECT state FROM versions WHERE tenant = $1 AND function = $2 AND number = $3`,
		ref.Tenant, ref.Function, ref.Version).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return "", noVersion(ref)
	}
	return state, err
}
