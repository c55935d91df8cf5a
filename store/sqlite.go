package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/slipway-run/slipway"
)

// sqliteReaders is how many reads can run at once; more wait. A read takes tens of
// microseconds, and each connection keeps a cache of some MiB.
const sqliteReaders = 4

// sqliteBusyTimeout is how long a writer waits for another process, a backup or a
// shell; within this process writers wait for the one connection.
const sqliteBusyTimeout = 10 * time.Second

// openSQLite prepares the connections; nothing of the file is read yet.
func openSQLite(u *url.URL) (*Store, error) {
	if u.Host != "" || !filepath.IsAbs(u.Path) {
		return nil, slipway.Errorf(slipway.ErrInvalid, "store: a SQLite database needs an absolute path after three slashes, as in sqlite:///var/lib/slipway/slipway.db")
	}
	if err := makeFile(u.Path); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite", sqliteDSN(u.Path, false))
	if err != nil {
		return nil, wrap(err, "open %s", u.Path)
	}
	read, err := sql.Open("sqlite", sqliteDSN(u.Path, true))
	if err != nil {
		return nil, errors.Join(wrap(err, "open %s", u.Path), write.Close())
	}
	keep(write, 1)
	keep(read, sqliteReaders)
	return &Store{
		read: read, write: write, place: u.Path,
		dialect: dialect{name: "sqlite", probe: `PRAGMA schema_version`},
		// The writer last: whoever closes the last connection empties the log.
		closers: []func() error{read.Close, write.Close},
	}, nil
}

// keep bounds a pool to n connections and never closes them: opening one again would
// read the schema again.
func keep(db *sql.DB, n int) {
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
}

// makeFile makes an empty database, which SQLite would make readable for everyone.
// The files of the log take over its mode.
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fileError(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fileError(err)
	}
	return wrap(f.Close(), "make %s", path)
}

func fileError(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return slipway.Errorf(slipway.ErrInvalid, "store: %w; choose another folder, or give it to the user that runs this", err)
	}
	return wrap(err, "make the database file")
}

// sqliteDSN is the connection string; doc.go says why each choice was made.
func sqliteDSN(path string, readOnly bool) string {
	q := url.Values{
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", sqliteBusyTimeout.Milliseconds()),
			"journal_mode(WAL)",
			"synchronous(FULL)",
			"foreign_keys(1)",
		},
		"_txlock":              {"immediate"}, // a transaction never has to turn a read lock into a write lock
		"_time_integer_format": {"unix_micro"},
		"_inttotime":           {"1"},
	}
	if readOnly {
		q.Add("_pragma", "query_only(1)")
		q.Set("_txlock", "deferred")
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return dsn.String()
}
