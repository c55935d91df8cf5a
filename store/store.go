package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// Store is everything durable. Its methods may be called from several goroutines.
type Store struct {
	read    *sql.DB // PostgreSQL: the same pool as write
	write   *sql.DB
	dialect dialect
	place   string         // which database, for a person; without a password
	closers []func() error // in the order they must be called

	hostNumbers sync.Map // of invokers in job_hosts, by name
}

// dialect is what the SQL has to know about its engine.
type dialect struct {
	name      string
	probe     string // reads one integer from the database itself
	forUpdate string // after a SELECT FROM functions f: locks its rows until the end of the transaction

	lockRows             string // after any SELECT: locks its rows until the end of the transaction
	skipLocked           string // the same, and leaves out rows that another transaction has locked
	skipLockedDeliveries string // the same, for the rows of deliveries d alone
}

// Open connects to the database that rawURL names and brings its schema up to date:
//
//	sqlite:///var/lib/slipway/slipway.db
//	postgres://user:password@host:5432/slipway?sslmode=require
//
// A SQLite file is made when it is missing, readable for its owner only. A database
// that a newer Slipway has written is ErrConflict, a URL that cannot be is ErrInvalid,
// a server that cannot be reached ErrUnavailable.
func Open(ctx context.Context, rawURL string, log *slog.Logger) (*Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil { // the error would quote the URL, and with it a password
		return nil, slipway.Errorf(slipway.ErrInvalid, "store: the URL cannot be read; write it as sqlite:///path/to/file.db or postgres://user:password@host/database")
	}
	var s *Store
	switch u.Scheme {
	case "sqlite":
		s, err = openSQLite(u)
	case "postgres", "postgresql":
		s, err = openPostgres(ctx, rawURL)
	default:
		err = slipway.Errorf(slipway.ErrInvalid, "store: %q is not a known kind of database; write sqlite:///path/to/file.db or postgres://user:password@host/database", u.Scheme)
	}
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context, log *slog.Logger) error {
	err := s.probe(ctx)
	if err == nil {
		err = s.migrate(ctx, log)
	}
	if isBroken(err) {
		return slipway.Errorf(slipway.ErrInternal, "store: %s is damaged or was not made by slipway: %w. Restore it from a backup, or move it away to begin with an empty one", s.place, err)
	}
	return wrap(err, "open %s", s.place)
}

// probe reads from the database, which makes a connection and so finds most faults.
func (s *Store) probe(ctx context.Context) error {
	var version int64
	return s.read.QueryRowContext(ctx, s.dialect.probe).Scan(&version)
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return wrap(s.probe(ctx), "reach %s", s.place)
}

// Close waits for what runs and gives everything back.
func (s *Store) Close() error {
	var errs []error
	for _, closeOne := range s.closers {
		errs = append(errs, closeOne())
	}
	return wrap(errors.Join(errs...), "close the database")
}

// change runs fn in one transaction that may write. fn must use tx alone: with SQLite
// there is no second connection to wait for.
func (s *Store) change(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// database is what *sql.DB and *sql.Tx have in common.
type database interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// row is what *sql.Row and *sql.Rows have in common.
type row interface{ Scan(dest ...any) error }

// collect reads all rows of a query. The result is never nil, so that it is [] in JSON.
func collect[T any](ctx context.Context, db database, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// affected runs a statement and says how many rows it changed.
func affected(ctx context.Context, db database, query string, args ...any) (int, error) {
	res, err := db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// now is the present moment as both engines can keep it.
func now() time.Time { return stamp(time.Now()) }
