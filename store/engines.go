package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/slipway-run/slipway"
)

// EngineBeat says that an engine lives, and gives all engines that have said so.
func (s *Store) EngineBeat(ctx context.Context, id, node string) ([]slipway.Engine, error) {
	_, err := s.write.ExecContext(ctx, `
		INSERT INTO engines (id, node, beat) VALUES ($1, $2, 1)
		ON CONFLICT (id) DO UPDATE SET beat = engines.beat + 1`, id, node)
	if err != nil {
		return nil, wrap(err, "say that an engine lives")
	}
	all, err := collect(ctx, s.read, func(r row) (e slipway.Engine, err error) {
		return e, r.Scan(&e.ID, &e.Node, &e.Beat)
	}, `SELECT id, node, beat FROM engines`)
	return all, wrap(err, "read which engines live")
}

// Cancelling are the ids of events that an engine has and that somebody has cancelled.
func (s *Store) Cancelling(ctx context.Context, owner string) ([]string, error) {
	ids, err := collect(ctx, s.read, func(r row) (id string, err error) { return id, r.Scan(&id) },
		`SELECT id FROM invocations WHERE state = 'running' AND owner = $1 AND cancelling`, owner)
	return ids, wrap(err, "look for events that were cancelled")
}

// releaseRows is how many events one transaction takes from an engine that is gone.
const releaseRows = 1000

// DropEngine puts the events of an engine that is gone back into the queue, due now, with
// the attempt that was interrupted recorded as such, and forgets the engine. It says how
// many events there were.
func (s *Store) DropEngine(ctx context.Context, owner string, now time.Time, why slipway.InvocationError) (int, error) {
	total := 0
	for {
		n, err := s.releaseSome(ctx, owner, stamp(now), &why)
		total += n
		if err != nil {
			return total, wrap(err, "take over the events of an engine that is gone")
		}
		if n < releaseRows {
			break
		}
	}
	_, err := s.write.ExecContext(ctx, `DELETE FROM engines WHERE id = $1`, owner)
	return total, wrap(err, "forget an engine")
}

func (s *Store) releaseSome(ctx context.Context, owner string, now time.Time, why *slipway.InvocationError) (n int, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		ids, err := collect(ctx, tx, func(r row) (id any, err error) {
			var text string
			err = r.Scan(&text)
			return text, err
		}, `SELECT id FROM invocations WHERE state = 'running' AND owner = $1 LIMIT $2 `+s.dialect.lockRows, owner, releaseRows)
		if err != nil || len(ids) == 0 {
			return err
		}
		n = len(ids)
		args := append([]any{now, maybeError{&why}}, ids...)
		in := inList(3, len(ids))
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO invocation_attempts (invocation, attempt, version, started_at, ended_at, error, instance, cpu)
			SELECT id, attempts, 0, started_at, $1, $2, '', 0 FROM invocations WHERE id IN `+in, args...); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE invocations SET state = 'queued', owner = '', started_at = NULL, next_at = $1, error = $2 WHERE id IN `+in, args...)
		return err
	})
	return n, err
}

// PruneInvocations forgets invocations whose outcome is older than before, up to limit of
// them, but none that is still to be delivered. It says how many.
func (s *Store) PruneInvocations(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := affected(ctx, s.write, `
		DELETE FROM invocations WHERE id IN (
			SELECT id FROM invocations i WHERE ended_at IS NOT NULL AND ended_at < $1
				AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.invocation = i.id AND d.state = 'waiting')
			ORDER BY ended_at LIMIT $2)`, stamp(before), limit)
	return n, wrap(err, "forget old invocations")
}

// NoteBlob remembers that a blob is about to be made for an event.
func (s *Store) NoteBlob(ctx context.Context, digest string) error {
	_, err := s.write.ExecContext(ctx, `INSERT INTO event_blobs (digest, created_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING`, digest, now())
	return wrap(err, "note the blob of an event")
}

// UnusedBlobs are blobs of events that were noted before a time and that no invocation
// names.
func (s *Store) UnusedBlobs(ctx context.Context, before time.Time, limit int) ([]string, error) {
	digests, err := collect(ctx, s.read, func(r row) (d string, err error) { return d, r.Scan(&d) }, `
		SELECT digest FROM event_blobs b WHERE created_at < $1
			AND NOT EXISTS (SELECT 1 FROM invocations i WHERE i.blob = b.digest AND i.blob <> '') LIMIT $2`, stamp(before), limit)
	return digests, wrap(err, "look for blobs that nobody needs")
}

// ForgetBlob follows the removal of a blob.
func (s *Store) ForgetBlob(ctx context.Context, digest string) error {
	_, err := s.write.ExecContext(ctx, `DELETE FROM event_blobs WHERE digest = $1`, digest)
	return wrap(err, "forget the blob of an event")
}
