package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/slipway-run/slipway"
)

const selectBuild = `
	SELECT id, tenant, COALESCE(function, ''), definition, version, state, reason, owner, created_at, finished_at
	FROM builds `

func scanBuild(r row) (slipway.Build, error) {
	var b slipway.Build
	err := r.Scan(&b.ID, &b.Tenant, &b.Function, &b.Definition, &b.Version, &b.State, &b.Reason, &b.Owner,
		moment{&b.CreatedAt}, maybeMoment{&b.FinishedAt})
	return b, err
}

// AddBuild adds a build of a function or of a job definition; it is running unless it has
// another state.
func (s *Store) AddBuild(ctx context.Context, b slipway.Build) error {
	if b.State == "" {
		b.State = slipway.BuildRunning
	}
	_, err := s.write.ExecContext(ctx, `
		INSERT INTO builds (id, tenant, function, definition, version, state, reason, owner, created_at, finished_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		b.ID, b.Tenant, sql.NullString{String: b.Function, Valid: b.Definition == ""}, b.Definition, b.Version, b.State, printable(b.Reason), b.Owner, stampOrNow(b.CreatedAt), maybeStamp(b.FinishedAt))
	switch {
	case isDuplicate(err):
		return slipway.Errorf(slipway.ErrConflict, "build %q exists already", b.ID)
	case isOrphan(err):
		return noFunction(slipway.FunctionRef{Tenant: b.Tenant, Function: b.Function})
	}
	return wrap(err, "add build %s", b.ID)
}

// Build reads one build of a tenant; another tenant's is ErrNotFound.
func (s *Store) Build(ctx context.Context, tenant, id string) (slipway.Build, error) {
	b, err := scanBuild(s.read.QueryRowContext(ctx, selectBuild+`WHERE id = $1 AND tenant = $2`, id, tenant))
	if errors.Is(err, sql.ErrNoRows) {
		return b, noBuild(id)
	}
	return b, wrap(err, "read build %s", id)
}

// FinishBuild records how a build ended. version is the one it led to: its own, or the
// existing one that it turned out to be the same as. A build that has ended already is
// ErrConflict.
func (s *Store) FinishBuild(ctx context.Context, id string, state slipway.BuildState, reason string, version int) error {
	if state != slipway.BuildSucceeded && state != slipway.BuildFailed {
		return slipway.Errorf(slipway.ErrInvalid, "store: a build ends as succeeded or failed, not as %q", state)
	}
	n, err := affected(ctx, s.write, `
		UPDATE builds SET state = $2, reason = $3, version = $4, finished_at = $5
		WHERE id = $1 AND state = 'running'`, id, state, printable(reason), version, now())
	if err == nil && n == 0 {
		err = s.notRunning(ctx, id)
	}
	return wrap(err, "finish build %s", id)
}

// notRunning is the error of a build that is not there or has ended.
func (s *Store) notRunning(ctx context.Context, id string) error {
	var state slipway.BuildState
	err := s.read.QueryRowContext(ctx, `SELECT state FROM builds WHERE id = $1`, id).Scan(&state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return noBuild(id)
	case err != nil:
		return err
	}
	return slipway.Errorf(slipway.ErrConflict, "build %q has %s already", id, state)
}

// FailBuilds ends the running builds of an owner, and the versions they were making, as
// failed, and says how many builds there were. A gateway calls it when it starts: what
// it waited for before it died will not come.
func (s *Store) FailBuilds(ctx context.Context, owner, reason string) (int, error) {
	reason = printable(reason)
	var n int
	err := s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE versions SET state = 'failed', reason = $2
			WHERE state = 'building' AND (tenant, function, number) IN (
				SELECT tenant, function, version FROM builds WHERE owner = $1 AND state = 'running')`, owner, reason)
		if err != nil {
			return err
		}
		n, err = affected(ctx, tx, `
			UPDATE builds SET state = 'failed', reason = $2, finished_at = $3
			WHERE owner = $1 AND state = 'running'`, owner, reason, now())
		return err
	})
	return n, wrap(err, "fail the builds of %s", owner)
}
