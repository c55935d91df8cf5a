package migrations

import (
	"embed"
	"io/fs"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Postgres is the steps for PostgreSQL, in the format of goose.
func Postgres() (fs.FS, error) { return fs.Sub(files, "postgres") }

// SQLite is the steps for SQLite, in the format of goose.
func SQLite() (fs.FS, error) { return fs.Sub(files, "sqlite") }
