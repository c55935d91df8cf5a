package store

import (
	"context"
	"log/slog"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/migrations"
)

// migrate brings the schema up to date. Several gateways may do it at the same time.
func (s *Store) migrate(ctx context.Context, log *slog.Logger) error {
	provider, err := s.migrator()
	if err != nil {
		return wrap(err, "read the migrations")
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return wrap(err, "read the version of the schema in %s", s.place)
	}
	switch {
	case have > want:
		return slipway.Errorf(slipway.ErrConflict, "store: the database has schema %d and this slipway knows up to %d: a newer slipway has written it. Run that one, or restore a backup from before the upgrade", have, want)
	case have == want:
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return wrap(err, "bring the schema in %s from %d to %d", s.place, have, want)
	}
	log.Info("schema brought up to date", "engine", s.dialect.name, "from", have, "to", want)
	return nil
}

func (s *Store) migrator() (*goose.Provider, error) {
	quiet := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler))}
	if s.dialect.name == "sqlite" {
		files, err := migrations.SQLite()
		if err != nil {
			return nil, err
		}
		return goose.NewProvider(goose.DialectSQLite3, s.write, files, quiet...)
	}
	files, err := migrations.Postgres()
	if err != nil {
		return nil, err
	}
	// The first gateway migrates, the others wait: asked once a second, 5 minutes at most.
	turns, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, s.write, files, append(quiet, goose.WithSessionLocker(turns))...)
}
