package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-run/slipway"
)

// eventsPerStatement bounds the parameters of one INSERT.
const eventsPerStatement = 200

// AppendBuildEvents adds events to the log of a build, in order and all or none.
func (s *Store) AppendBuildEvents(ctx context.Context, id string, events []slipway.BuildEvent) error {
	if len(events) == 0 {
		return nil
	}
	err := s.change(ctx, func(tx *sql.Tx) error {
		next, err := takeSequence(ctx, tx, id, len(events))
		if err != nil {
			return err
		}
		for chunk := range slices.Chunk(events, eventsPerStatement) {
			if err := insertEvents(ctx, tx, id, next, chunk); err != nil {
				return err
			}
			next += int64(len(chunk))
		}
		return nil
	})
	return wrap(err, "append to the log of build %s", id)
}

// takeSequence takes n numbers for events of a build and returns the first; the row
// stays locked until the transaction ends, so that nobody sees a later event before an
// earlier one.
func takeSequence(ctx context.Context, tx *sql.Tx, id string, n int) (first int64, err error) {
	var last int64
	err = tx.QueryRowContext(ctx, `UPDATE builds SET last_event = last_event + $2 WHERE id = $1 RETURNING last_event`, id, n).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, noBuild(id)
	}
	return last - int64(n) + 1, err
}

func insertEvents(ctx context.Context, tx *sql.Tx, id string, first int64, events []slipway.BuildEvent) error {
	var values []string
	args := []any{id}
	for i, event := range events {
		values = append(values, fmt.Sprintf("($1, $%d, $%d)", 2*i+2, 2*i+3))
		args = append(args, first+int64(i), document{event})
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO build_events (build, seq, event) VALUES `+strings.Join(values, ", "), args...)
	return err
}

// BuildEvents reads up to limit events (as in a Page) of a build that come after the
// one with the number after; 0 is the beginning. last is the number to ask with for
// what follows. An unknown build has none.
func (s *Store) BuildEvents(ctx context.Context, id string, after int64, limit int) (events []slipway.BuildEvent, last int64, err error) {
	limit, err = pageLimit(limit)
	if err != nil {
		return nil, after, err
	}
	last = after
	scan := func(r row) (slipway.BuildEvent, error) {
		var event slipway.BuildEvent
		err := r.Scan(&last, document{&event})
		return event, err
	}
	events, err = collect(ctx, s.read, scan,
		`SELECT seq, event FROM build_events WHERE build = $1 AND seq > $2 ORDER BY seq LIMIT $3`, id, after, limit)
	if err != nil {
		return nil, after, wrap(err, "read the log of build %s", id)
	}
	return events, last, nil
}
