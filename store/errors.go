package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/slipway-run/slipway"
)

// retryAfter is when trying again is worth it after the database did not answer.
const retryAfter = time.Second

// wrap translates an error of a driver into one with a kind and says what was being
// done. An error that has a kind already stays as it is.
func wrap(err error, act string, args ...any) error {
	var known *slipway.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	}
	act = "store: " + fmt.Sprintf(act, args...)
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", act, err)
	case errors.Is(err, context.DeadlineExceeded):
		return slipway.Errorf(slipway.ErrTimeout, "%s: the database did not answer in time: %w", act, err)
	}
	e := slipway.Errorf(kindOf(err), "%s: %w", act, err)
	if e.Kind == slipway.ErrUnavailable {
		e.RetryAfter = retryAfter
	}
	return e
}

// kindOf is the kind of an error that no method foresaw.
func kindOf(err error) error {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return sqliteKind(lite)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return postgresKind(pg)
	}
	var connect *pgconn.ConnectError
	var network *net.OpError // not net.Error: every system call's error is one
	if errors.As(err, &connect) || errors.As(err, &network) || pgconn.Timeout(err) {
		return slipway.ErrUnavailable
	}
	return slipway.ErrInternal
}

// sqliteKind knows the result codes of https://www.sqlite.org/rescode.html, whose low
// byte is the primary one.
func sqliteKind(err *sqlite.Error) error {
	switch err.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL:
		return slipway.ErrUnavailable
	case sqlite3.SQLITE_CONSTRAINT:
		return slipway.ErrConflict
	default:
		return slipway.ErrInternal
	}
}

// postgresKind knows the classes of SQLSTATE, its first two characters:
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
func postgresKind(err *pgconn.PgError) error {
	switch err.Code[:min(2, len(err.Code))] {
	case "08", "40", "53", "57": // connection, rollback (deadlock), resources (disk full), operator (shutdown)
		return slipway.ErrUnavailable
	case "22": // data, such as a zero byte in JSON
		return slipway.ErrInvalid
	case "23": // constraint
		return slipway.ErrConflict
	default:
		return slipway.ErrInternal
	}
}

// isDuplicate says whether err is the refusal of a second row with the same key.
func isDuplicate(err error) bool {
	return hasCode(err, "23505", sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// isOrphan says whether err is the refusal of a row whose parent is missing.
func isOrphan(err error) bool {
	return hasCode(err, "23503", sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY)
}

// isBroken says whether err is about the whole file of a database.
func isBroken(err error) bool {
	return hasCode(err, "XX001", sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
}

// hasCode says whether a driver gave one of these codes: a SQLSTATE of PostgreSQL, or
// result codes of SQLite.
func hasCode(err error, state string, codes ...int) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == state
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		for _, code := range codes {
			if lite.Code() == code {
				return true
			}
		}
	}
	return false
}

// The errors of what is not there, as a user of the tenant sees them.

func noTenant(name string) error {
	return slipway.Errorf(slipway.ErrNotFound, "tenant %q does not exist", name)
}

func noFunction(ref slipway.FunctionRef) error {
	return slipway.Errorf(slipway.ErrNotFound, "function %q does not exist", ref.Function)
}

func noVersion(ref slipway.VersionRef) error {
	return slipway.Errorf(slipway.ErrNotFound, "version %d of function %q does not exist", ref.Version, ref.Function)
}

func noAlias(ref slipway.FunctionRef, name string) error {
	return slipway.Errorf(slipway.ErrNotFound, "alias %q of function %q does not exist", name, ref.Function)
}

func noBuild(id string) error {
	return slipway.Errorf(slipway.ErrNotFound, "build %q does not exist", id)
}
