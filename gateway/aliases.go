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
	ctx := c.Request().Context()
	_, err = g.store.Alias(ctx, ref, name)
	status := http.StatusOK
	if errors.Is(err, slipway.ErrNotFound) {
		status = http.StatusCreated
	} else if err != nil {
		return err
	}
	alias := slipway.Alias{Tenant: ref.Tenant, Function: ref.Function, Name: name, Version: body.Version, Weights: body.Weights}
	if err := g.store.PutAlias(ctx, alias); err != nil {
		return err
	}
	g.changed(ctx, ref)
	return c.reply(status, alias)
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
	return c.reply(http.StatusOK, alias)
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
