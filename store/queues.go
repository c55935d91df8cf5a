package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/slipway-run/slipway"
)

const selectQueue = `SELECT tenant, name, document, created_at FROM job_queues `

func scanQueue(r row) (slipway.Queue, error) {
	q := slipway.DefaultQueueOf("", "")
	var tenant, name string
	err := r.Scan(&tenant, &name, document{&q}, moment{&q.CreatedAt})
	q.Tenant, q.Name = tenant, name
	return q, err
}

// PutQueue makes a queue, or replaces one that exists; created says which. An environment
// that does not exist is ErrNotFound.
func (s *Store) PutQueue(ctx context.Context, q slipway.Queue) (stored slipway.Queue, created bool, err error) {
	for _, name := range q.ComputeEnvironments {
		if _, err := s.Environment(ctx, q.Tenant, name); err != nil {
			return q, false, err
		}
	}
	created, err = s.putDocument(ctx, "job_queues", q.Tenant, q.Name, q)
	if err != nil {
		return q, false, wrap(err, "write queue %s", q.Name)
	}
	stored, err = s.Queue(ctx, q.Tenant, q.Name)
	return stored, created, err
}

// Queue reads a queue. The one named default is there for every tenant, whether or not it
// was made.
func (s *Store) Queue(ctx context.Context, tenant, name string) (slipway.Queue, error) {
	q, err := scanQueue(s.read.QueryRowContext(ctx, selectQueue+`WHERE tenant = $1 AND name = $2`, tenant, name))
	switch {
	case errors.Is(err, sql.ErrNoRows) && name == slipway.DefaultQueue:
		return slipway.DefaultQueueOf(tenant, name), nil
	case errors.Is(err, sql.ErrNoRows):
		return q, noQueue(name)
	}
	return q, wrap(err, "read queue %s", name)
}

// Queues lists a tenant's queues by name, the one named default always among them. With
// tenant "" it lists those of all tenants that were made.
func (s *Store) Queues(ctx context.Context, tenant string) ([]slipway.Queue, error) {
	all, err := collect(ctx, s.read, scanQueue, selectQueue+`WHERE $1 IN ('', tenant) ORDER BY tenant, name`, tenant)
	if err != nil {
		return nil, wrap(err, "list queues")
	}
	if tenant == "" {
		return all, nil
	}
	return withDefault(all, slipway.DefaultQueueOf(tenant, slipway.DefaultQueue), func(q slipway.Queue) string { return q.Name }), nil
}

// DeleteQueue removes a queue that has no jobs that have not ended; one that has some is
// ErrConflict. The one named default goes back to what it is without being made.
func (s *Store) DeleteQueue(ctx context.Context, tenant, name string) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		var unfinished int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM jobs WHERE tenant = $1 AND queue = $2 AND stopped_at IS NULL`, tenant, name).Scan(&unfinished)
		if err != nil {
			return err
		}
		if unfinished > 0 && name != slipway.DefaultQueue {
			return slipway.Errorf(slipway.ErrConflict, "queue %q has %d jobs that have not ended; wait for them or cancel them first", name, unfinished)
		}
		n, err := affected(ctx, tx, `DELETE FROM job_queues WHERE tenant = $1 AND name = $2`, tenant, name)
		if err == nil && n == 0 && name == slipway.DefaultQueue {
			return slipway.Errorf(slipway.ErrConflict, "queue %q is always there and was not changed; there is nothing to delete", name)
		}
		if err == nil && n == 0 {
			return noQueue(name)
		}
		return err
	})
	return wrap(err, "delete queue %s", name)
}

func noQueue(name string) error {
	return slipway.Errorf(slipway.ErrNotFound, "queue %q does not exist; make it with 'slipway queues put %[1]s'", name)
}
