package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/slipway-run/slipway"
)

// rollbackBody names the version to go back to; 0 is the one before.
type rollbackBody struct {
	Version int `json:"version,omitempty"`
}

// rollback moves live to an earlier version. The configuration of the function stays:
// the next deploy is laid over it.
func (g *Gateway) rollback(c *call) error {
	ref, err := c.function()
	if err != nil {
		return err
	}
	var body rollbackBody
	if err := c.decode(&body); err != nil {
		return err
	}
	if body.Version < 0 {
		return slipway.Errorf(slipway.ErrInvalid, "version: %d is not allowed; it must be the number of a version, from 1", body.Version)
	}
	ctx := c.Request().Context()
	v, err := g.rollbackTo(ctx, ref, body.Version)
	if err != nil {
		return err
	}
	live := slipway.Alias{Tenant: ref.Tenant, Function: ref.Function, Name: slipway.LiveAlias, Version: v.Number, MovedBy: slipway.MovedByRollback}
	if _, err := g.store.PutAlias(ctx, live); err != nil {
		return err
	}
	g.changed(ctx, ref)
	return c.reply(http.StatusOK, v)
}

// rollbackTo is version n; with 0 the one before: where a newer version has a share of
// live, the one that has the rest; else the one that was live before, when it is older,
// or the newest ready one below.
func (g *Gateway) rollbackTo(ctx context.Context, ref slipway.FunctionRef, n int) (slipway.Version, error) {
	if n > 0 {
		return g.store.Version(ctx, slipway.VersionRef{Tenant: ref.Tenant, Function: ref.Function, Version: n})
	}
	live, err := g.store.Alias(ctx, ref, slipway.LiveAlias)
	if errors.Is(err, slipway.ErrNotFound) {
		_, err = g.store.Function(ctx, ref) // which of the two is missing
		if err == nil {
			err = nothingBefore(ref, 0)
		}
	}
	newer, _ := live.Other()
	switch before := live.Previous; {
	case err != nil:
		return slipway.Version{}, err
	case newer > live.Version:
		return g.rollbackTo(ctx, ref, live.Version)
	case before > 0 && before < live.Version:
		return g.rollbackTo(ctx, ref, before)
	}
	return g.readyBelow(ctx, ref, live.Version)
}

// readyBelow is the newest ready version with a number below live that nothing was said
// against.
func (g *Gateway) readyBelow(ctx context.Context, ref slipway.FunctionRef, live int) (slipway.Version, error) {
	for page := (slipway.Page{}); ; {
		list, err := g.store.Versions(ctx, ref, page)
		if err != nil {
			return slipway.Version{}, err
		}
		for _, v := range list.Items {
			if v.Number < live && v.State == slipway.VersionReady && v.Reason == "" {
				return v, nil
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return slipway.Version{}, nothingBefore(ref, live)
		}
	}
}

func nothingBefore(ref slipway.FunctionRef, live int) error {
	return slipway.Errorf(slipway.ErrConflict, "function %q has no ready version before the live one (%d)", ref.Function, live)
}
