package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/slipway-run/slipway"
)

// openPostgres prepares the pool; the first connection is made by the first query.
func openPostgres(ctx context.Context, rawURL string) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(rawURL)
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "store: %w", err) // pgx takes the password out
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "slipway" // seen in pg_stat_activity
	}
	// The pool outlives Open and is ended by Close.
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), cfg)
	if err != nil {
		return nil, wrap(err, "make the connection pool")
	}
	db := stdlib.OpenDBFromPool(pool)
	return &Store{
		read: db, write: db, place: fmt.Sprintf("PostgreSQL at %s:%d", cfg.ConnConfig.Host, cfg.ConnConfig.Port),
		dialect: dialect{
			name: "postgres", probe: `SELECT 1`, forUpdate: `FOR UPDATE OF f`,
			lockRows: `FOR UPDATE`, skipLocked: `FOR UPDATE SKIP LOCKED`, skipLockedDeliveries: `FOR UPDATE OF d SKIP LOCKED`,
		},
		closers: []func() error{db.Close, closing(pool)},
	}, nil
}

func closing(pool *pgxpool.Pool) func() error {
	return func() error {
		pool.Close()
		return nil
	}
}
