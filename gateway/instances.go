package gateway

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// askInvoker bounds a question to one invoker.
const askInvoker = 2 * time.Second

// listInstances asks every known invoker. One that does not answer in time is left out:
// its instances are as unreachable as it is.
func (g *Gateway) listInstances(c *call) error {
	ref, err := c.function()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if _, err := g.store.Function(ctx, ref); err != nil {
		return err
	}
	return c.reply(http.StatusOK, slipway.List[slipway.InstanceInfo]{Items: g.instances(ctx, ref)})
}

func (g *Gateway) instances(ctx context.Context, ref slipway.FunctionRef) []slipway.InstanceInfo {
	ctx, cancel := context.WithTimeout(ctx, askInvoker)
	defer cancel()
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		all   = []slipway.InstanceInfo{}
	)
	for _, invoker := range g.invokers.states() {
		group.Go(func() {
			var some []slipway.InstanceInfo
			if err := g.bus.Ask(ctx, bus.InstancesSubject(invoker.ID), ref, &some); err != nil {
				g.log.Warn("asking an invoker for its instances", "invoker", invoker.ID, "err", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, some...)
		})
	}
	group.Wait()
	slices.SortFunc(all, func(a, b slipway.InstanceInfo) int {
		return cmp.Or(cmp.Compare(b.Version, a.Version), a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
	})
	return all
}
