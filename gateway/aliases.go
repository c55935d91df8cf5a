package gateway

import (
	"errors"
	"net/http"

	"github.com/slipway-run/slipway"
)

// aliasBody is what a client says about an alias.
type aliasBody struct {
	Version int             `json:"version"`
	Weights map[int]float64 `json:"weights,omitempty"`
	Canary  *slipway.Canary `json:"canary,omitempty"` // with a weight of 0, or the first step's
}

// checkCanary refuses a share beside a plan that says another.
func (b aliasBody) checkCanary() error {
	if b.Canary == nil {
		return nil
	}
	b.Canary.Step = 0
	if err := b.Canary.Check(); err != nil {
		return err
	}
	for version, share := range b.Weights {
		if share != 0 && share != b.Canary.Share() {
			return slipway.Errorf(slipway.ErrInvalid, "weights: %v for version %d is not the canary's first step, which is %v; give it a weight of 0, or that", share, version, b.Canary.Share())
		}
	}
	return nil
}

// alias is the alias that the path names.
func (c *call) alias() (slipway.FunctionRef, string, error) {
	ref, err := c.function()
	if err != nil {
		return ref, "", err
	}
	name := c.Param("alias")
	return ref, name, slipway.CheckName("alias", name)
}

func (g *Gateway) putAlias(c *call) error {
	ref, name, err := c.alias()
	if err != nil {
		return err
	}
	var body aliasBody
	if err := c.decode(&body); err != nil {
		return err
	}
	if body.Version < 1 {
		return slipway.Errorf(slipway.ErrInvalid, "version: %d is not allowed; it must be the number of a version, from 1", body.Version)
	}
	if err := body.checkCanary(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	_, err = g.store.Alias(ctx, ref, name)
	status := http.StatusOK
	if errors.Is(err, slipway.ErrNotFound) {
		status = http.StatusCreated
	} else if err != nil {
		return err
	}
	alias, err := g.store.PutAlias(ctx, slipway.Alias{Tenant: ref.Tenant, Function: ref.Function, Name: name,
		Version: body.Version, Weights: body.Weights, Canary: body.Canary, MovedBy: slipway.MovedByUser})
	if err != nil {
		return err
	}
	g.changed(ctx, ref)
	return c.reply(status, g.shownAlias(alias))
}

func (g *Gateway) getAlias(c *call) error {
	ref, name, err := c.alias()
	if err != nil {
		return err
	}
	alias, err := g.store.Alias(c.Request().Context(), ref, name)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, g.shownAlias(alias))
}

// shownAlias is a with how its canary goes.
func (g *Gateway) shownAlias(a slipway.Alias) slipway.Alias {
	a.Progress = g.releases.progress(a)
	return a
}

func (g *Gateway) listAliases(c *call) error {
	ref, err := c.function()
	if err != nil {
		return err
	}
	aliases, err := g.store.Aliases(c.Request().Context(), ref)
	if err != nil {
		return err
	}
	for i, a := range aliases {
		aliases[i] = g.shownAlias(a)
	}
	return c.reply(http.StatusOK, slipway.List[slipway.Alias]{Items: aliases})
}

func (g *Gateway) deleteAlias(c *call) error {
	ref, name, err := c.alias()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := g.store.DeleteAlias(ctx, ref, name); err != nil {
		return err
	}
	g.changed(ctx, ref)
	return c.NoContent(http.StatusNoContent)
}
