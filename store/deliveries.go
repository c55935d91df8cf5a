package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

func (s *Store) deliveries(ctx context.Context, id string) ([]slipway.Delivery, error) {
	return collect(ctx, s.read, func(r row) (d slipway.Delivery, err error) {
		return d, r.Scan(&d.Destination, &d.State, &d.Attempts, &d.LastError, maybeMoment{&d.NextAt}, maybeMoment{&d.EndedAt})
	}, `
		SELECT destination, state, attempts, last_error, next_at, ended_at
		FROM deliveries WHERE invocation = $1 ORDER BY destination`, id)
}

// ClaimDeliveries takes outcomes that are due for delivery. Until a time, which the caller
// gives, no other engine gets them; when none of the two following methods was called by
// then, they are due again.
func (s *Store) ClaimDeliveries(ctx context.Context, now, until time.Time, limit int) ([]slipway.DueDelivery, error) {
	var due []slipway.DueDelivery
	err := s.change(ctx, func(tx *sql.Tx) (err error) {
		due, err = collect(ctx, tx, func(r row) (d slipway.DueDelivery, err error) {
			return d, r.Scan(&d.Tenant, &d.Function, &d.Invocation, &d.Destination, &d.Attempts, moment{&d.Since})
		}, `
			SELECT i.tenant, i.function, d.invocation, d.destination, d.attempts, d.created_at
			FROM deliveries d JOIN invocations i ON i.id = d.invocation
			WHERE d.state = 'waiting' AND d.next_at <= $1 ORDER BY d.next_at LIMIT $2 `+s.dialect.skipLockedDeliveries, stamp(now), limit)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, d := range due {
			if _, err := tx.ExecContext(ctx, `
				UPDATE deliveries SET next_at = $3, attempts = attempts + 1
				WHERE invocation = $1 AND destination = $2`, d.Invocation, d.Destination, stamp(until)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, wrap(err, "look for outcomes to deliver")
	}
	return due, nil
}

// NextDelivery is when the next outcome is due for delivery; nil when none waits.
func (s *Store) NextDelivery(ctx context.Context) (*time.Time, error) {
	var next *time.Time
	err := s.read.QueryRowContext(ctx, `
		SELECT next_at FROM deliveries WHERE state = 'waiting' ORDER BY next_at LIMIT 1`).Scan(maybeMoment{&next})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return next, wrap(err, "look for outcomes to deliver")
}

// EndDelivery records that an outcome was delivered, or with a state of given-up, that it
// will not be.
func (s *Store) EndDelivery(ctx context.Context, d slipway.DueDelivery, state string, lastError string) error {
	_, err := s.write.ExecContext(ctx, `
		UPDATE deliveries SET state = $3, next_at = NULL, ended_at = $4, last_error = $5
		WHERE invocation = $1 AND destination = $2 AND state = 'waiting'`, d.Invocation, d.Destination, state, now(), printable(lastError))
	return wrap(err, "record a delivery")
}

// PutOffDelivery records that an outcome could not be delivered, and when to try again.
func (s *Store) PutOffDelivery(ctx context.Context, d slipway.DueDelivery, next time.Time, lastError string) error {
	_, err := s.write.ExecContext(ctx, `
		UPDATE deliveries SET next_at = $3, last_error = $4
		WHERE invocation = $1 AND destination = $2 AND state = 'waiting'`, d.Invocation, d.Destination, stamp(next), printable(lastError))
	return wrap(err, "put a delivery off")
}

// WebhookKey reads what signs the webhooks of a tenant; a tenant without a key gets fresh.
func (s *Store) WebhookKey(ctx context.Context, tenant, fresh string) (slipway.WebhookKey, error) {
	k, err := s.webhookKey(ctx, tenant)
	if !errors.Is(err, sql.ErrNoRows) {
		return k, wrap(err, "read the webhook key of %s", tenant)
	}
	_, err = s.write.ExecContext(ctx, `INSERT INTO webhook_keys (tenant, key) VALUES ($1, $2) ON CONFLICT (tenant) DO NOTHING`, tenant, fresh)
	if isOrphan(err) {
		return k, noTenant(tenant)
	}
	if err == nil {
		k, err = s.webhookKey(ctx, tenant)
	}
	return k, wrap(err, "make a webhook key for %s", tenant)
}

func (s *Store) webhookKey(ctx context.Context, tenant string) (k slipway.WebhookKey, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT key, previous, rotated_at FROM webhook_keys WHERE tenant = $1`, tenant).
		Scan(&k.Key, &k.Previous, maybeMoment{&k.RotatedAt})
	return k, err
}

// RotateWebhookKey gives a tenant a new key; the one before becomes Previous.
func (s *Store) RotateWebhookKey(ctx context.Context, tenant, fresh string) (slipway.WebhookKey, error) {
	_, err := s.write.ExecContext(ctx, `
		INSERT INTO webhook_keys (tenant, key, rotated_at) VALUES ($1, $2, $3)
		ON CONFLICT (tenant) DO UPDATE SET previous = webhook_keys.key, key = $2, rotated_at = $3`, tenant, fresh, now())
	if isOrphan(err) {
		return slipway.WebhookKey{}, noTenant(tenant)
	}
	if err != nil {
		return slipway.WebhookKey{}, wrap(err, "change the webhook key of %s", tenant)
	}
	k, err := s.webhookKey(ctx, tenant)
	return k, wrap(err, "read the webhook key of %s", tenant)
}
