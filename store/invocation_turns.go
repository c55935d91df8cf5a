package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

// DueFunctions are the functions of all tenants with events that are queued, and when the
// first of each is due. It makes one step in an index for each.
func (s *Store) DueFunctions(ctx context.Context) ([]slipway.DueFunction, error) {
	var all []slipway.DueFunction
	var f slipway.DueFunction
	for {
		err := s.read.QueryRowContext(ctx, `
			SELECT tenant, function, next_at FROM invocations
			WHERE state = 'queued' AND (tenant, function) > ($1, $2)
			ORDER BY tenant, function, next_at LIMIT 1`, f.Tenant, f.Function).Scan(&f.Tenant, &f.Function, moment{&f.NextAt})
		if errors.Is(err, sql.ErrNoRows) {
			return all, nil
		}
		if err != nil {
			return nil, wrap(err, "look for events that wait")
		}
		all = append(all, f)
	}
}

// ClaimTurns begins attempts of events that are due now, for an engine: as many of each
// function as asked for, those due longest first. Other engines do not get them, and what
// is returned was recorded as begun before.
func (s *Store) ClaimTurns(ctx context.Context, owner string, now time.Time, claims []slipway.Claim) ([]slipway.Turn, error) {
	var turns []slipway.Turn
	err := s.change(ctx, func(tx *sql.Tx) error {
		for _, c := range claims {
			some, err := s.claim(ctx, tx, owner, stamp(now), c)
			if err != nil {
				return err
			}
			turns = append(turns, some...)
		}
		return nil
	})
	if err != nil {
		return nil, wrap(err, "begin attempts")
	}
	return turns, nil
}

func (s *Store) claim(ctx context.Context, tx *sql.Tx, owner string, now time.Time, c slipway.Claim) ([]slipway.Turn, error) {
	return collect(ctx, tx, func(r row) (slipway.Turn, error) {
		t := slipway.Turn{Event: slipway.Event{Tenant: c.Tenant, Function: c.Function}, StartedAt: now}
		err := r.Scan(&t.ID, &t.Qualifier, &t.Source, &t.Attempt, &t.Failed, &t.PutBack, &t.Size, &t.Blob, moment{&t.AcceptedAt}, moment{&t.ExpiresAt}, &t.Cancelling)
		return t, err
	}, `
		WITH picked AS MATERIALIZED (
			SELECT id FROM invocations WHERE state = 'queued' AND tenant = $1 AND function = $2 AND next_at <= $3 AND expires_at > $3
			ORDER BY next_at LIMIT $4 `+s.dialect.skipLocked+`)
		UPDATE invocations SET state = 'running', owner = $5, attempts = attempts + 1, started_at = $3, next_at = NULL
		WHERE id IN (SELECT id FROM picked)
		RETURNING id, qualifier, source, attempts, failed, put_back, size, blob, accepted_at, expires_at, cancelling`,
		c.Tenant, c.Function, now, c.Most, owner)
}

// LoadEvents adds header and payload, as they were accepted, to turns.
func (s *Store) LoadEvents(ctx context.Context, turns []slipway.Turn) error {
	for len(turns) > 0 {
		n := min(len(turns), insertRows)
		if err := s.loadEvents(ctx, turns[:n]); err != nil {
			return wrap(err, "read events")
		}
		turns = turns[n:]
	}
	return nil
}

func (s *Store) loadEvents(ctx context.Context, turns []slipway.Turn) error {
	byID, ids := make(map[string]*slipway.Turn, len(turns)), make([]any, len(turns))
	for i := range turns {
		byID[turns[i].ID], ids[i] = &turns[i], turns[i].ID
	}
	_, err := collect(ctx, s.read, func(r row) (struct{}, error) {
		var id, contentType string
		var header slipway.Header
		var http *slipway.EventHTTP
		var payload []byte
		err := r.Scan(&id, &contentType, document{&header}, maybeHTTP{&http}, &payload)
		if t := byID[id]; t != nil && err == nil {
			t.ContentType, t.Header, t.HTTP, t.Payload = contentType, header, http, payload
		}
		return struct{}{}, err
	}, `SELECT id, content_type, header, http, payload FROM invocation_events WHERE id IN `+inList(1, len(ids)), ids...)
	return err
}

// OverdueEvents are queued events whose time has passed, and those that were cancelled
// while they were queued.
func (s *Store) OverdueEvents(ctx context.Context, now time.Time, limit int) ([]slipway.Turn, error) {
	turns, err := collect(ctx, s.read, func(r row) (slipway.Turn, error) {
		var t slipway.Turn
		err := r.Scan(&t.ID, &t.Tenant, &t.Function, &t.Attempt, &t.Failed, &t.PutBack, moment{&t.ExpiresAt}, &t.Cancelling)
		return t, err
	}, `
		SELECT id, tenant, function, attempts, failed, put_back, expires_at, cancelling FROM invocations
		WHERE state = 'queued' AND expires_at <= $1 ORDER BY expires_at LIMIT $2`, stamp(now), limit)
	return turns, wrap(err, "look for events that are too old")
}

// EndTurns records how turns ended, with their outcomes and what is to be delivered, in one
// transaction. It says of which that is recorded: an event that meanwhile is with another
// engine, or has its outcome, stays as it is.
func (s *Store) EndTurns(ctx context.Context, ends []slipway.TurnEnd) (recorded []bool, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		recorded = make([]bool, len(ends))
		w, err := newTurnWriter(ctx, tx)
		if err != nil {
			return err
		}
		defer w.close()
		for i := range ends {
			if recorded[i], err = w.end(ctx, &ends[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return recorded, wrap(err, "record how attempts ended")
}

// turnWriter is the statements that record ends, each prepared once.
type turnWriter struct{ state, attempt, result, delivery *sql.Stmt }

func newTurnWriter(ctx context.Context, tx *sql.Tx) (*turnWriter, error) {
	w := &turnWriter{}
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&w.state, `
			UPDATE invocations SET state = $4, owner = '', version = CASE WHEN $5 > 0 THEN $5 ELSE version END, failed = $6, put_back = $7,
				next_at = $8, ended_at = $9, started_at = NULL, error = $10, cancelling = cancelling AND $4 = 'queued'
			WHERE id = $1 AND owner = $2 AND attempts = $3 AND state IN ('queued', 'running')`},
		{&w.attempt, `
			INSERT INTO invocation_attempts (invocation, attempt, version, started_at, ended_at, error, instance, cpu)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`},
		{&w.result, `INSERT INTO invocation_results (id, outcome) VALUES ($1, $2)`},
		{&w.delivery, `
			INSERT INTO deliveries (invocation, destination, state, created_at, next_at) VALUES ($1, $2, 'waiting', $3, $3)`},
	} {
		stmt, err := tx.PrepareContext(ctx, p.sql)
		if err != nil {
			w.close()
			return nil, err
		}
		*p.to = stmt
	}
	return w, nil
}

// close gives the statements back; the transaction would, too.
func (w *turnWriter) close() {
	for _, stmt := range []*sql.Stmt{w.state, w.attempt, w.result, w.delivery} {
		if stmt != nil {
			stmt.Close()
		}
	}
}

func (w *turnWriter) end(ctx context.Context, e *slipway.TurnEnd) (bool, error) {
	var next, ended *time.Time
	at := stamp(e.At)
	if e.State.Ended() {
		ended = &at
	} else {
		next = maybeStamp(&e.NextAt)
	}
	res, err := w.state.ExecContext(ctx, e.ID, e.Owner, e.Attempt, e.State, e.Record.Version, e.Failed, e.PutBack, next, ended, maybeError{&e.Error})
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if e.Owner != "" {
		r := e.Record
		_, err := w.attempt.ExecContext(ctx, e.ID, e.Attempt, r.Version, stamp(r.StartedAt), at, maybeError{&r.Error}, r.Instance, r.CPU)
		if err != nil {
			return false, err
		}
	}
	if e.Result != nil {
		e.Result.LogTail = printable(e.Result.LogTail)
		if _, err := w.result.ExecContext(ctx, e.ID, document{e.Result}); err != nil {
			return false, err
		}
	}
	if e.Destination != "" {
		if _, err := w.delivery.ExecContext(ctx, e.ID, e.Destination, at); err != nil {
			return false, err
		}
	}
	return true, nil
}
