package gateway

import (
	"context"
	"net/http"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

func (g *Gateway) listVersions(c *call) error {
	ref, err := c.function()
	if err != nil {
		return err
	}
	page, err := c.page()
	if err != nil {
		return err
	}
	list, err := g.store.Versions(c.Request().Context(), ref, page)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, list)
}

func (g *Gateway) getVersion(c *call) error {
	ref, err := c.function()
	if err != nil {
		return err
	}
	n, err := c.version("version")
	if err != nil {
		return err
	}
	v, err := g.store.Version(c.Request().Context(), slipway.VersionRef{Tenant: ref.Tenant, Function: ref.Function, Version: n})
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, v)
}

// spec is all that an invoker needs to run a version: what was published, with the
// function's present scaling, release and tags, and whether that is paused.
func (g *Gateway) spec(ctx context.Context, ref slipway.VersionRef) (slipway.Spec, error) {
	v, err := g.store.Version(ctx, ref)
	if err != nil {
		return slipway.Spec{}, err
	}
	if v.State != slipway.VersionReady {
		return slipway.Spec{}, slipway.Errorf(slipway.ErrConflict, "version %d of function %q is %s; only a ready version can get events", v.Number, v.Function, v.State)
	}
	f, err := g.store.Function(ctx, slipway.FunctionRef{Tenant: ref.Tenant, Function: ref.Function})
	if err != nil {
		return slipway.Spec{}, err
	}
	spec := slipway.Spec{VersionRef: ref, Digest: v.Digest, Protocol: v.Protocol, Config: v.Config}
	spec.Config, spec.Paused = v.Config.OfFunction(f.Config), f.Paused
	return spec, nil
}

// answerSpecs answers invokers that meet a version for the first time. Whichever
// gateway is free does it.
func (g *Gateway) answerSpecs() (*bus.Subscription, error) {
	return g.bus.Answer(bus.SpecSubject, "gateway", func(ctx context.Context, in []byte) (any, error) {
		var ref slipway.VersionRef
		if err := strictJSON(in, &ref); err != nil {
			return nil, err
		}
		return g.spec(ctx, ref)
	})
}
