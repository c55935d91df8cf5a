package gateway

import (
	"net/http"

	"github.com/slipway-run/slipway"
)

// pause has the function take no events and run no instances until it is resumed.
// Deploys go on: what they publish waits for that.
func (g *Gateway) pause(c *call) error { return g.setPaused(c, true) }

// resume ends a pause.
func (g *Gateway) resume(c *call) error { return g.setPaused(c, false) }

// setPaused changes nothing when it is so already, and makes it known all the same: who
// missed the notice before gets it now.
func (g *Gateway) setPaused(c *call, paused bool) error {
	ref, err := c.function()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	f, err := g.store.Function(ctx, ref)
	if err == nil && f.Paused != paused {
		f, err = g.store.UpdateFunction(ctx, ref, func(f *slipway.Function) error {
			f.Paused = paused
			return nil
		})
	}
	if err != nil {
		return err
	}
	g.changed(ctx, ref)
	return c.reply(http.StatusOK, g.shown(c, f))
}
