package gateway

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/slipway-run/slipway"
)

// putFunction creates a function or lays a partial configuration over its own.
func (g *Gateway) putFunction(c *call) error {
	ref, err := c.function()
	if err != nil {
		return err
	}
	patch, err := c.document()
	if err != nil {
		return err
	}
	if len(patch) == 0 {
		patch = []byte("{}")
	}
	f, created, err := g.applyConfig(c.Request().Context(), ref, patch)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return c.reply(status, g.shown(c, f))
}

// applyConfig makes the function when it is new; publishes a version when what its
// versions consist of has changed; else changes the function alone.
func (g *Gateway) applyConfig(ctx context.Context, ref slipway.FunctionRef, patch []byte) (f slipway.Function, created bool, err error) {
	f, created, err = g.ensureFunction(ctx, ref, patch)
	if err != nil || created {
		return f, created, err
	}
	merged, err := f.Config.Merge(patch)
	if err == nil {
		err = cmp.Or(g.checkReserved(ref, merged), g.checkAsync(ctx, ref, f.Async, merged.Async))
	}
	if err != nil {
		return f, false, err
	}
	if f.Live > 0 && !sameVersions(f.Config, merged) {
		if _, err := g.publisher.republish(ctx, f, patch); err != nil {
			return f, false, err
		}
		f, err = g.store.Function(ctx, ref)
		return f, false, err
	}
	f, err = g.store.UpdateFunction(ctx, ref, func(f *slipway.Function) error {
		f.Config, err = f.Config.Merge(patch)
		return err
	})
	if err == nil {
		g.changed(ctx, ref)
	}
	return f, false, err
}

// ensureFunction finds the function, or makes it from the defaults and patch.
func (g *Gateway) ensureFunction(ctx context.Context, ref slipway.FunctionRef, patch []byte) (f slipway.Function, created bool, err error) {
	f, err = g.store.Function(ctx, ref)
	if !errors.Is(err, slipway.ErrNotFound) {
		return f, false, err
	}
	config, err := slipway.DefaultConfig().Merge(patch)
	if err == nil {
		err = cmp.Or(g.checkReserved(ref, config), g.checkAsync(ctx, ref, slipway.Async{}, config.Async))
	}
	if err != nil {
		return f, false, err
	}
	err = g.store.CreateFunction(ctx, slipway.Function{Tenant: ref.Tenant, Name: ref.Function, Config: config})
	created = err == nil
	if err != nil && !errors.Is(err, slipway.ErrConflict) {
		return f, false, err // a conflict: somebody else was quicker, and theirs is as good
	}
	f, err = g.store.Function(ctx, ref)
	return f, created, err
}

// sameVersions says whether versions made from a and b are alike: what belongs to the
// function alone does not count.
func sameVersions(a, b slipway.Config) bool {
	b.Auth = a.Auth
	return a.SameVersion(b)
}

// changed makes a change of the function known, here first. The change itself is done:
// what goes wrong now mends itself with the next full reload of the routes.
func (g *Gateway) changed(ctx context.Context, ref slipway.FunctionRef) {
	if err := g.routes.refresh(context.WithoutCancel(ctx), ref); err != nil {
		g.log.Warn("reading a changed route; the old one stays", "tenant", ref.Tenant, "function", ref.Function, "err", err)
	}
	if err := g.bus.PublishChange(ref); err != nil {
		g.log.Warn("telling others of a change", "tenant", ref.Tenant, "function", ref.Function, "err", err)
	}
}

func (g *Gateway) getFunction(c *call) error {
	ref, err := c.function()
	if err != nil {
		return err
	}
	f, err := g.store.Function(c.Request().Context(), ref)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, g.shown(c, f))
}

func (g *Gateway) listFunctions(c *call) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	list, err := g.store.Functions(c.Request().Context(), c.tenant, page)
	if err != nil {
		return err
	}
	for i, f := range list.Items {
		list.Items[i] = g.shown(c, f)
	}
	return c.reply(http.StatusOK, list)
}

func (g *Gateway) deleteFunction(c *call) error {
	ref, err := c.function()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := g.store.DeleteFunction(ctx, ref); err != nil {
		return err
	}
	g.changed(ctx, ref)
	return c.NoContent(http.StatusNoContent)
}

// shown is f with the URL at which it answers, seen from where the client is.
func (g *Gateway) shown(c *call, f slipway.Function) slipway.Function {
	f.URL = g.functionURL(c.Request(), f)
	return f
}

func (g *Gateway) functionURL(r *http.Request, f slipway.Function) string {
	name := f.Name
	if f.Tenant != slipway.DefaultTenant {
		name += "." + f.Tenant
	}
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	port := ""
	if i := strings.LastIndexByte(r.Host, ':'); i >= 0 && !strings.HasSuffix(r.Host, "]") {
		port = r.Host[i:]
	}
	return scheme + "://" + name + "." + g.cfg.Domain + port + "/"
}
