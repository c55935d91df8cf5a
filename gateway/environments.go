package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
)

// Environments are the capacity that queues use. Those of another tenant are not found.
type Environments interface {
	PutEnvironment(ctx context.Context, e slipway.ComputeEnvironment) (stored slipway.ComputeEnvironment, created bool, err error)
	Environment(ctx context.Context, tenant, name string) (slipway.ComputeEnvironment, error)
	Environments(ctx context.Context, tenant string) ([]slipway.ComputeEnvironment, error)
	DeleteEnvironment(ctx context.Context, tenant, name string) error
}

// Usage fills in what compute environments use, and would use now: package batch.
type Usage interface {
	Environments(ctx context.Context, tenant string, all []slipway.ComputeEnvironment) error
}

// usagePatience is how long a list of environments waits for what they use.
const usagePatience = 2 * time.Second

// putEnvironment makes a compute environment, or lays a partial document over its own.
func (g *Gateway) putEnvironment(c *call) error {
	ctx, name := c.Request().Context(), c.Param("name")
	if err := slipway.CheckJobName("compute environment", name); err != nil {
		return err
	}
	old, err := g.store.Environment(ctx, c.tenant, name)
	if errors.Is(err, slipway.ErrNotFound) {
		old, err = slipway.DefaultEnvironmentOf(c.tenant, name), nil
	}
	if err != nil {
		return err
	}
	e, err := merged(c, old)
	if err != nil {
		return err
	}
	if err := sameName(e.Name, name); err != nil {
		return err
	}
	e.Tenant, e.CreatedAt = c.tenant, old.CreatedAt
	if err := e.Check(); err != nil {
		return err
	}
	e, created, err := g.store.PutEnvironment(ctx, e)
	if err != nil {
		return err
	}
	return c.reply(createdOr(created), e)
}

func (g *Gateway) getEnvironment(c *call) error {
	e, err := g.store.Environment(c.Request().Context(), c.tenant, c.Param("name"))
	if err != nil {
		return err
	}
	used := []slipway.ComputeEnvironment{e}
	g.fillUsage(c, used)
	return c.reply(http.StatusOK, used[0])
}

// fillUsage says what environments use, as far as that can be found out now.
func (g *Gateway) fillUsage(c *call, all []slipway.ComputeEnvironment) {
	if g.batch == nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), usagePatience)
	defer cancel()
	if err := g.batch.Environments(ctx, c.tenant, all); err != nil {
		g.log.Debug("what compute environments use is not known now", "tenant", c.tenant, "err", err)
	}
}

func (g *Gateway) listEnvironments(c *call) error {
	environments, err := g.store.Environments(c.Request().Context(), c.tenant)
	if err != nil {
		return err
	}
	g.fillUsage(c, environments)
	return c.reply(http.StatusOK, slipway.List[slipway.ComputeEnvironment]{Items: environments})
}

func (g *Gateway) deleteEnvironment(c *call) error {
	if err := g.store.DeleteEnvironment(c.Request().Context(), c.tenant, c.Param("name")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
