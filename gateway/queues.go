package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/slipway-run/slipway"
)

// Queues hold jobs. Those of another tenant are not found.
type Queues interface {
	PutQueue(ctx context.Context, q slipway.Queue) (stored slipway.Queue, created bool, err error)
	Queue(ctx context.Context, tenant, name string) (slipway.Queue, error)
	Queues(ctx context.Context, tenant string) ([]slipway.Queue, error)
	DeleteQueue(ctx context.Context, tenant, name string) error
}

// putQueue makes a queue, or lays a partial document over its own.
func (g *Gateway) putQueue(c *call) error {
	ctx, name := c.Request().Context(), c.Param("name")
	if err := slipway.CheckJobName("queue", name); err != nil {
		return err
	}
	old, err := g.store.Queue(ctx, c.tenant, name)
	if errors.Is(err, slipway.ErrNotFound) {
		old, err = slipway.DefaultQueueOf(c.tenant, name), nil
	}
	if err != nil {
		return err
	}
	q, err := merged(c, old)
	if err != nil {
		return err
	}
	if err := sameName(q.Name, name); err != nil {
		return err
	}
	q.Tenant, q.CreatedAt = c.tenant, old.CreatedAt
	if err := q.Check(); err != nil {
		return err
	}
	if err := g.checkEnvironments(ctx, q); err != nil {
		return err
	}
	q, created, err := g.store.PutQueue(ctx, q)
	if err != nil {
		return err
	}
	return c.reply(createdOr(created), q)
}

// checkEnvironments refuses a queue whose environments are not there: its jobs would wait
// for ever.
func (g *Gateway) checkEnvironments(ctx context.Context, q slipway.Queue) error {
	for _, name := range q.ComputeEnvironments {
		_, err := g.store.Environment(ctx, q.Tenant, name)
		if errors.Is(err, slipway.ErrNotFound) {
			return slipway.Errorf(slipway.ErrInvalid, "compute_environments: %q does not exist; make it first with 'slipway environments put %[1]s'", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *Gateway) getQueue(c *call) error {
	q, err := g.store.Queue(c.Request().Context(), c.tenant, c.Param("name"))
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, q)
}

func (g *Gateway) listQueues(c *call) error {
	queues, err := g.store.Queues(c.Request().Context(), c.tenant)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, slipway.List[slipway.Queue]{Items: queues})
}

func (g *Gateway) deleteQueue(c *call) error {
	if err := g.store.DeleteQueue(c.Request().Context(), c.tenant, c.Param("name")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// sameName refuses a body that names something else than the path does.
func sameName(inBody, inPath string) error {
	if inBody != inPath {
		return slipway.Errorf(slipway.ErrInvalid, "name: %q is not allowed; the path names %q, and names do not change", inBody, inPath)
	}
	return nil
}

func createdOr(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}
