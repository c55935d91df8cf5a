package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/slipway-run/slipway"
)

const selectTrigger = `
	SELECT tenant, name, type, enabled, document, secret, revision, created_at, updated_at,
		done_until, last_fired, last_result, last_error, fired
	FROM triggers `

func scanTrigger(r row) (slipway.Trigger, error) {
	var t, doc slipway.Trigger
	var secret string
	err := r.Scan(&t.Tenant, &t.Name, &t.Type, &t.Enabled, document{&doc}, &secret, &t.Revision,
		moment{&t.CreatedAt}, moment{&t.UpdatedAt}, moment{&t.Cursor},
		maybeMoment{&t.Status.LastFired}, &t.Status.LastResult, &t.Status.LastError, &t.Status.Fired)
	t.Function, t.Qualifier, t.Job, t.Payload = doc.Function, doc.Qualifier, doc.Job, doc.Payload
	t.Cron, t.NATS, t.Webhook = doc.Cron, doc.NATS, doc.Webhook
	if t.Webhook != nil {
		t.Webhook.Secret = secret
	}
	return t, err
}

// triggerDocument is what is kept of t in one column, and its secret.
func triggerDocument(t slipway.Trigger) (doc slipway.Trigger, secret string) {
	if t.Webhook != nil {
		secret = t.Webhook.Secret
	}
	t = t.Shown()
	t.Status = slipway.TriggerStatus{}
	return t, secret
}

// PutTrigger makes a trigger, or replaces one that exists: change gets that one, or nil,
// and says what it shall be. Of two changes at the same time each sees the other's. An
// error of change is returned as it is, and nothing changes.
func (s *Store) PutTrigger(ctx context.Context, ref slipway.TriggerRef, change func(old *slipway.Trigger) (slipway.Trigger, error)) (stored slipway.Trigger, created bool, err error) {
	for {
		old, err := s.Trigger(ctx, ref)
		created = errors.Is(err, slipway.ErrNotFound)
		if err != nil && !created {
			return stored, false, err
		}
		var before *slipway.Trigger
		if !created {
			before = &old
		}
		next, err := change(before)
		if err != nil {
			return stored, false, err
		}
		next.Tenant, next.Name = ref.Tenant, ref.Name
		done, err := s.writeTrigger(ctx, old.Revision, next)
		if err != nil {
			return stored, false, err
		}
		if done {
			stored, err = s.Trigger(ctx, ref)
			return stored, created, err
		}
	}
}

// writeTrigger puts t in place of the given revision, 0 for none, and says whether that
// was still there.
func (s *Store) writeTrigger(ctx context.Context, revision int64, t slipway.Trigger) (done bool, err error) {
	doc, secret := triggerDocument(t)
	cursor := stampOrNow(t.Cursor)
	if revision == 0 {
		_, err := s.write.ExecContext(ctx, `
			INSERT INTO triggers (tenant, name, type, enabled, document, secret, created_at, updated_at, done_until)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)`,
			t.Tenant, t.Name, t.Type, t.Enabled, document{doc}, secret, now(), cursor)
		switch {
		case isDuplicate(err):
			return false, nil
		case isOrphan(err):
			return false, noTenant(t.Tenant)
		}
		return true, wrap(err, "add trigger %s", t.Name)
	}
	n, err := affected(ctx, s.write, `
		UPDATE triggers SET type = $4, enabled = $5, document = $6, secret = $7, updated_at = $8, done_until = $9, revision = revision + 1
		WHERE tenant = $1 AND name = $2 AND revision = $3`,
		t.Tenant, t.Name, revision, t.Type, t.Enabled, document{doc}, secret, now(), cursor)
	return n > 0, wrap(err, "change trigger %s", t.Name)
}

// Trigger reads one trigger, with its secret.
func (s *Store) Trigger(ctx context.Context, ref slipway.TriggerRef) (slipway.Trigger, error) {
	t, err := scanTrigger(s.read.QueryRowContext(ctx, selectTrigger+`WHERE tenant = $1 AND name = $2`, ref.Tenant, ref.Name))
	if errors.Is(err, sql.ErrNoRows) {
		return t, noTrigger(ref.Name)
	}
	return t, wrap(err, "read trigger %s", ref)
}

// Triggers lists the triggers of a tenant by name, with their secrets.
func (s *Store) Triggers(ctx context.Context, tenant string, page slipway.Page) (slipway.List[slipway.Trigger], error) {
	var none slipway.List[slipway.Trigger]
	limit, err := pageLimit(page.Limit)
	if err != nil {
		return none, err
	}
	after, err := decodeCursor(page.Cursor)
	if err != nil {
		return none, err
	}
	items, err := collect(ctx, s.read, scanTrigger,
		selectTrigger+`WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3`, tenant, after, limit+1)
	if err != nil {
		return none, wrap(err, "list triggers")
	}
	return cut(items, limit, func(t slipway.Trigger) string { return t.Name }), nil
}

// EnabledTriggers are the triggers of all tenants that shall fire.
func (s *Store) EnabledTriggers(ctx context.Context) ([]slipway.Trigger, error) {
	all, err := collect(ctx, s.read, scanTrigger, selectTrigger+`WHERE enabled ORDER BY tenant, name`)
	return all, wrap(err, "list the triggers of all tenants")
}

// CountTriggers is how many triggers a tenant has.
func (s *Store) CountTriggers(ctx context.Context, tenant string) (n int, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM triggers WHERE tenant = $1`, tenant).Scan(&n)
	return n, wrap(err, "count triggers")
}

// DeleteTrigger removes a trigger.
func (s *Store) DeleteTrigger(ctx context.Context, ref slipway.TriggerRef) error {
	n, err := affected(ctx, s.write, `DELETE FROM triggers WHERE tenant = $1 AND name = $2`, ref.Tenant, ref.Name)
	if err == nil && n == 0 {
		return noTrigger(ref.Name)
	}
	return wrap(err, "delete trigger %s", ref)
}

func noTrigger(name string) error {
	return slipway.Errorf(slipway.ErrNotFound, "trigger %q does not exist", name)
}
