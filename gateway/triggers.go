package gateway

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/slipway-run/slipway"
)

// Triggers turn what happens outside into invocations and jobs.
type Triggers interface {
	Put(ctx context.Context, t slipway.Trigger) (stored slipway.Trigger, created bool, err error)
	Trigger(ctx context.Context, ref slipway.TriggerRef) (slipway.Trigger, error)
	Triggers(ctx context.Context, tenant string, page slipway.Page) (slipway.List[slipway.Trigger], error)
	Delete(ctx context.Context, ref slipway.TriggerRef) error
	Fire(ctx context.Context, ref slipway.TriggerRef, payload []byte, contentType string) (slipway.Firing, error)
	Hooks
}

// UseTriggers gives the gateway who keeps triggers. It is called once, before anything is
// served; without it the calls about them are refused.
func (g *Gateway) UseTriggers(t Triggers) { g.triggers = t }

// withTriggers is a handler that is refused when there are none.
func (g *Gateway) withTriggers(handle func(*call) error) func(*call) error {
	return func(c *call) error {
		if g.triggers == nil {
			return slipway.Errorf(slipway.ErrInvalid, "this gateway keeps no triggers")
		}
		return handle(c)
	}
}

// triggerCalls are about what sets functions and jobs off.
func (g *Gateway) triggerCalls() []apiCall {
	type triggers = slipway.List[slipway.Trigger]
	const one = "/v1/triggers/:name"
	return []apiCall{
		{method: "PUT", path: one, scope: admin, summary: "Make a trigger, or replace it; a webhook's secret that is left out stays", takes: slipway.Trigger{}, status: 200, gives: slipway.Trigger{}, handle: g.withTriggers(g.putTrigger)},
		{method: "GET", path: "/v1/triggers", scope: admin, summary: "List triggers by name", query: paging, status: 200, gives: triggers{}, handle: g.withTriggers(g.listTriggers)},
		{method: "GET", path: one, scope: admin, summary: "Show a trigger, without its secret", status: 200, gives: slipway.Trigger{}, handle: g.withTriggers(g.getTrigger)},
		{method: "DELETE", path: one, scope: admin, summary: "Delete a trigger; what it has set off goes on", status: 204, handle: g.withTriggers(g.deleteTrigger)},
		{method: "POST", path: one + "/fire", scope: admin, summary: "Set a trigger off by hand, also one that is not enabled", binary: "the event; none is what a cron trigger sends by itself", status: 202, gives: slipway.Firing{}, handle: g.withTriggers(g.fireTrigger)},
		{method: "OPTIONS", path: "/v1/hooks/:tenant/:name", summary: "Whether a sender of CloudEvents may send them here", status: 200, handle: g.withTriggers(g.optionsHook)},
		{method: "POST", path: "/v1/hooks/:tenant/:name", summary: "Where a webhook is sent; its signature is the key", binary: "the event, as it is or as CloudEvents", status: 202, gives: hookBody{}, stream: "*/*", handle: g.withTriggers(g.postHook)},
	}
}

func (c *call) trigger() slipway.TriggerRef {
	return slipway.TriggerRef{Tenant: c.tenant, Name: c.Param("name")}
}

// putTrigger replaces the whole trigger: what is not said has its default.
func (g *Gateway) putTrigger(c *call) error {
	t := slipway.Trigger{Enabled: true}
	if err := c.decode(&t); err != nil {
		return err
	}
	ref, ctx := c.trigger(), c.Request().Context()
	if t.Name = cmp.Or(t.Name, ref.Name); t.Name != ref.Name {
		return slipway.Errorf(slipway.ErrInvalid, "name: %q is not the trigger of the path, %q; leave it out", t.Name, ref.Name)
	}
	t.Tenant = ref.Tenant
	if err := g.checkTarget(ctx, t); err != nil {
		return err
	}
	stored, created, err := g.triggers.Put(ctx, t)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return c.reply(status, stored)
}

// checkTarget says what a trigger sets off and does not exist: who makes one wants to know
// that now, and not when it fires.
func (g *Gateway) checkTarget(ctx context.Context, t slipway.Trigger) error {
	if t.Function != "" {
		_, err := g.store.Function(ctx, slipway.FunctionRef{Tenant: t.Tenant, Function: t.Function})
		return missing(err, "function: %q does not exist; deploy it first", t.Function)
	}
	if t.Job == nil || t.Job.Definition == "" {
		return nil // Put says what is wanted
	}
	name, revision, err := slipway.SplitDefinition(t.Job.Definition)
	if err != nil {
		return err
	}
	if _, err := g.store.Definition(ctx, t.Tenant, name, revision); err != nil {
		return missing(err, "job.definition: %q does not exist; register it first", t.Job.Definition)
	}
	_, err = g.store.Queue(ctx, t.Tenant, cmp.Or(t.Job.Queue, slipway.DefaultQueue))
	return missing(err, "job.queue: %q does not exist; make it first", t.Job.Queue)
}

// missing makes of what is not found something that the request has wrong.
func missing(err error, format, name string) error {
	if errors.Is(err, slipway.ErrNotFound) {
		return slipway.Errorf(slipway.ErrInvalid, format, name)
	}
	return err
}

func (g *Gateway) getTrigger(c *call) error {
	t, err := g.triggers.Trigger(c.Request().Context(), c.trigger())
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, t)
}

func (g *Gateway) listTriggers(c *call) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	list, err := g.triggers.Triggers(c.Request().Context(), c.tenant, page)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, list)
}

func (g *Gateway) deleteTrigger(c *call) error {
	if err := g.triggers.Delete(c.Request().Context(), c.trigger()); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (g *Gateway) fireTrigger(c *call) error {
	r := c.Request()
	payload, err := readWhole(c.Response(), r, g.cfg.MaxEventBytes)
	if err != nil {
		return err
	}
	firing, err := g.triggers.Fire(r.Context(), c.trigger(), payload, r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	return c.reply(http.StatusAccepted, firing)
}

// readWhole reads a body up to a limit.
func readWhole(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge(limit)
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge(limit)
	case err != nil:
		return nil, slipway.Errorf(slipway.ErrInvalid, "read the body: %w", err)
	}
	return b, nil
}
