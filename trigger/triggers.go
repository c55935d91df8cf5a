package trigger

import (
	"context"

	"github.com/slipway-run/slipway"
)

// Put makes a trigger or replaces one. A secret that is left out stays.
func (e *Engine) Put(ctx context.Context, t slipway.Trigger) (stored slipway.Trigger, created bool, err error) {
	stored, created, err = e.store.PutTrigger(ctx, t.Ref(), func(old *slipway.Trigger) (slipway.Trigger, error) {
		if old == nil {
			if err := e.roomFor(ctx, t.Tenant); err != nil {
				return t, err
			}
		}
		return e.replace(old, t)
	})
	if err != nil {
		return slipway.Trigger{}, false, err
	}
	e.changed(ctx, stored.Ref())
	return e.shown(stored), created, nil
}

// maxTriggers is the most that a tenant has: every gateway keeps all of them in memory, and
// looks at those of cron each time that one is due.
const maxTriggers = 1000

func (e *Engine) roomFor(ctx context.Context, tenant string) error {
	n, err := e.store.CountTriggers(ctx, tenant)
	if err == nil && n >= maxTriggers {
		err = slipway.Errorf(slipway.ErrConflict, "tenant %q has %d triggers, which is the most; delete one that is not needed", tenant, n)
	}
	return err
}

// replace is next in the place of old.
func (e *Engine) replace(old *slipway.Trigger, next slipway.Trigger) (slipway.Trigger, error) {
	if next.Webhook != nil && next.Webhook.Secret == "" && next.Webhook.Signature != slipway.SignatureNone && old != nil && old.Webhook != nil {
		w := *next.Webhook
		w.Secret = old.Webhook.Secret
		next.Webhook = &w
	}
	next, err := settle(next)
	if err != nil {
		return next, err
	}
	if next.Job != nil && e.jobs == nil {
		return next, slipway.Errorf(slipway.ErrInvalid, "job: this gateway takes no jobs; name a function")
	}
	if next.NATS != nil && e.outside == nil {
		return next, slipway.Errorf(slipway.ErrInvalid, "nats: this gateway takes no messages of NATS")
	}
	next.Cursor = e.cfg.Now() // what was due before it was so is not missed
	if old != nil && goesOn(*old, next) {
		next.Cursor = old.Cursor
	}
	return next, nil
}

// goesOn says whether next is due when old was.
func goesOn(old, next slipway.Trigger) bool {
	return old.Enabled && next.Enabled && old.Cron != nil && next.Cron != nil &&
		old.Cron.Schedule == next.Cron.Schedule && old.Cron.TimeZone == next.Cron.TimeZone
}

// Trigger is one trigger, as it may be shown.
func (e *Engine) Trigger(ctx context.Context, ref slipway.TriggerRef) (slipway.Trigger, error) {
	t, err := e.store.Trigger(ctx, ref)
	return e.shown(t), err
}

// Triggers are those of a tenant, as they may be shown.
func (e *Engine) Triggers(ctx context.Context, tenant string, page slipway.Page) (slipway.List[slipway.Trigger], error) {
	list, err := e.store.Triggers(ctx, tenant, page)
	for i, t := range list.Items {
		list.Items[i] = e.shown(t)
	}
	return list, err
}

// Delete removes a trigger, and what NATS knows of it.
func (e *Engine) Delete(ctx context.Context, ref slipway.TriggerRef) error {
	t, err := e.store.Trigger(ctx, ref)
	if err != nil {
		return err
	}
	if err := e.store.DeleteTrigger(ctx, ref); err != nil {
		return err
	}
	e.changed(ctx, ref)
	e.forget(ctx, t)
	return nil
}

// changed makes a change known, here first. The change itself is done: what goes wrong now
// mends itself when all triggers are read again.
func (e *Engine) changed(ctx context.Context, ref slipway.TriggerRef) {
	if err := e.load(context.WithoutCancel(ctx)); err != nil {
		e.log.Warn("reading the triggers again; the old ones stay", "err", err)
	}
	if err := e.bus.PublishTrigger(ref); err != nil {
		e.log.Warn("telling others of a change", "tenant", ref.Tenant, "trigger", ref.Name, "err", err)
	}
}

// shown is t without its secret and with when it is due next.
func (e *Engine) shown(t slipway.Trigger) slipway.Trigger {
	t = t.Shown()
	if t.Cron == nil || !t.Enabled {
		return t
	}
	if s, err := parseSchedule(*t.Cron, t.CreatedAt); err == nil {
		if next := s.next(e.cfg.Now()).UTC(); !next.IsZero() {
			t.Status.NextAt = &next
		}
	}
	return t
}
