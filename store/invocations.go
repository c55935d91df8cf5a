package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// insertRows is how many rows one statement adds.
const insertRows = 50

// AddInvocations adds accepted events as queued invocations, in one transaction. One that
// is there already stays as it is: an event may come twice, when a process died between
// writing it here and saying so. maxAge is how long each may take to succeed.
func (s *Store) AddInvocations(ctx context.Context, events []slipway.Event, maxAge func(slipway.FunctionRef) time.Duration) error {
	ages := map[slipway.FunctionRef]time.Duration{}
	for _, e := range events { // before the transaction: it may look something up
		if _, known := ages[e.Ref()]; !known {
			ages[e.Ref()] = maxAge(e.Ref())
		}
	}
	err := s.change(ctx, func(tx *sql.Tx) error {
		for len(events) > 0 {
			n := min(len(events), insertRows)
			if err := s.addEvents(ctx, tx, events[:n], ages); err != nil {
				return err
			}
			events = events[n:]
		}
		return nil
	})
	return wrap(err, "add invocations")
}

func (s *Store) addEvents(ctx context.Context, tx *sql.Tx, events []slipway.Event, ages map[slipway.FunctionRef]time.Duration) error {
	var heads, bodies []any
	for _, e := range events {
		next := e.AcceptedAt
		if e.NotBefore != nil {
			next = *e.NotBefore
		}
		heads = append(heads, e.ID, e.Tenant, e.Function, e.Qualifier, printable(e.Source), "queued", e.Size, e.Blob,
			stamp(e.AcceptedAt), stamp(later(next, e.AcceptedAt).Add(ages[e.Ref()])), stamp(next))
		bodies = append(bodies, e.ID, printable(e.ContentType), document{e.Header}, maybeHTTP{&e.HTTP}, notNull(e.Payload))
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO invocations (id, tenant, function, qualifier, source, state, size, blob, accepted_at, expires_at, next_at)
		VALUES `+s.dialect.rows(len(events), 11)+` ON CONFLICT (id) DO NOTHING`, heads...)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO invocation_events (id, content_type, header, http, payload)
		VALUES `+s.dialect.rows(len(events), 5)+` ON CONFLICT (id) DO NOTHING`, bodies...)
	return err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

const selectInvocation = `
	SELECT i.id, i.tenant, i.function, i.qualifier, i.version, i.source, i.state, i.size, i.accepted_at, i.next_at,
		i.ended_at, i.started_at, i.attempts, i.cancelling, i.error, i.redriven
	FROM invocations i `

func scanInvocation(r row) (slipway.Invocation, error) {
	i := slipway.Invocation{Mode: "async", Attempts: []slipway.InvocationAttempt{}}
	var started *time.Time
	var attempts int
	err := r.Scan(&i.ID, &i.Tenant, &i.Function, &i.Qualifier, &i.Version, &i.Source, &i.State, &i.Size, moment{&i.AcceptedAt}, maybeMoment{&i.NextAt},
		maybeMoment{&i.EndedAt}, maybeMoment{&started}, &attempts, &i.Cancelling, maybeError{&i.Error}, &i.Redriven)
	if started != nil { // the attempt that runs becomes a row when it ends
		i.Attempts = append(i.Attempts, slipway.InvocationAttempt{Attempt: attempts, StartedAt: *started})
	}
	return i, err
}

// Invocation reads one invocation of a tenant with its attempts, its result and its
// deliveries; another tenant's is ErrNotFound.
func (s *Store) Invocation(ctx context.Context, tenant, id string) (slipway.Invocation, error) {
	i, err := scanInvocation(s.read.QueryRowContext(ctx, selectInvocation+`WHERE i.id = $1 AND i.tenant = $2`, id, tenant))
	if errors.Is(err, sql.ErrNoRows) {
		return i, noInvocation(id)
	}
	if err == nil {
		err = s.addDetails(ctx, &i)
	}
	return i, wrap(err, "read invocation %s", id)
}

// addDetails reads what lists leave out.
func (s *Store) addDetails(ctx context.Context, i *slipway.Invocation) error {
	ended, err := collect(ctx, s.read, scanInvocationAttempt, `
		SELECT attempt, version, started_at, ended_at, error, instance, cpu
		FROM invocation_attempts WHERE invocation = $1 ORDER BY attempt`, i.ID)
	if err != nil {
		return err
	}
	i.Attempts = append(ended, i.Attempts...)
	if i.Deliveries, err = s.deliveries(ctx, i.ID); err != nil {
		return err
	}
	var o slipway.Outcome
	err = s.read.QueryRowContext(ctx, `SELECT outcome FROM invocation_results WHERE id = $1`, i.ID).Scan(document{&o})
	if err == nil {
		i.Result, i.ResultType, i.ResultError, i.Base64, i.LogTail = o.Result, o.ResultType, o.ResultError, o.Base64, o.LogTail
	} else if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return err
}

func scanInvocationAttempt(r row) (slipway.InvocationAttempt, error) {
	var a slipway.InvocationAttempt
	err := r.Scan(&a.Attempt, &a.Version, moment{&a.StartedAt}, maybeMoment{&a.EndedAt}, maybeError{&a.Error}, &a.Instance, &a.CPU)
	return a, err
}

// Event reads the event of an invocation of a tenant as it was accepted.
func (s *Store) Event(ctx context.Context, tenant, id string) (slipway.Event, error) {
	e := slipway.Event{ID: id, Tenant: tenant}
	err := s.read.QueryRowContext(ctx, `
		SELECT i.function, i.qualifier, i.source, i.size, i.blob, i.accepted_at, e.content_type, e.header, e.http, e.payload
		FROM invocations i JOIN invocation_events e ON e.id = i.id WHERE i.id = $1 AND i.tenant = $2`, id, tenant).
		Scan(&e.Function, &e.Qualifier, &e.Source, &e.Size, &e.Blob, moment{&e.AcceptedAt}, &e.ContentType, document{&e.Header}, maybeHTTP{&e.HTTP}, &e.Payload)
	if errors.Is(err, sql.ErrNoRows) {
		return e, noInvocation(id)
	}
	return e, wrap(err, "read the event of invocation %s", id)
}

// Invocations lists the invocations of a tenant, newest first, without their results,
// their attempts but the one that runs, and their deliveries.
func (s *Store) Invocations(ctx context.Context, tenant string, f slipway.InvocationFilter, page slipway.Page) (slipway.List[slipway.Invocation], error) {
	var none slipway.List[slipway.Invocation]
	limit, err := pageLimit(page.Limit)
	if err != nil {
		return none, err
	}
	query, args := selectInvocation+`WHERE i.tenant = $1`, []any{tenant}
	where := func(condition string, arg any) {
		args = append(args, arg)
		query += strings.ReplaceAll(condition, "?", placeholder(len(args)))
	}
	if f.Function != "" {
		where(` AND i.function = ?`, f.Function)
	}
	if states, err := stateList(f.States); err != nil {
		return none, err
	} else if states != "" {
		query += ` AND i.state IN (` + states + `)`
	}
	if !f.Since.IsZero() {
		where(` AND i.accepted_at >= ?`, stamp(f.Since))
	}
	if page.Cursor != "" {
		at, id, err := decodeMoment(page.Cursor)
		if err != nil {
			return none, err
		}
		where(` AND (i.accepted_at, i.id) < (?`, at)
		where(`, ?)`, id)
	}
	args = append(args, limit+1)
	items, err := collect(ctx, s.read, scanInvocation, query+` ORDER BY i.accepted_at DESC, i.id DESC LIMIT `+placeholder(len(args)), args...)
	if err != nil {
		return none, wrap(err, "list invocations")
	}
	return cut(items, limit, func(i slipway.Invocation) string { return momentKey(i.AcceptedAt, i.ID) }), nil
}

// stateList is literals, by which the planner knows the index of the dead ones.
func stateList(states []slipway.InvocationState) (string, error) {
	quoted := make([]string, len(states))
	for i, state := range states {
		switch state {
		case slipway.InvocationQueued, slipway.InvocationRunning, slipway.InvocationSucceeded, slipway.InvocationFailed, slipway.InvocationExpired, slipway.InvocationCancelled:
			quoted[i] = "'" + string(state) + "'"
		default:
			return "", slipway.Errorf(slipway.ErrInvalid, "state: %q is not one; it must be queued, running, succeeded, failed, expired or cancelled", state)
		}
	}
	return strings.Join(quoted, ", "), nil
}

// CancelInvocation marks an invocation that has no outcome as to be cancelled, and gives
// it as it is then. One that is queued still is: EndTurns gives it its outcome.
func (s *Store) CancelInvocation(ctx context.Context, tenant, id string) error {
	n, err := affected(ctx, s.write, `
		UPDATE invocations SET cancelling = true WHERE id = $1 AND tenant = $2 AND state IN ('queued', 'running')`, id, tenant)
	if err == nil && n == 0 {
		var i slipway.Invocation
		if i, err = s.Invocation(ctx, tenant, id); err == nil {
			err = slipway.Errorf(slipway.ErrConflict, "invocation %q has %s already", id, i.State)
		}
	}
	return wrap(err, "cancel invocation %s", id)
}

func noInvocation(id string) error {
	return slipway.Errorf(slipway.ErrNotFound, "invocation %q does not exist; records are kept for some days after the outcome", id)
}
