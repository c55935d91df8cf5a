package gateway

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/slipway-run/slipway"
)

// pingTime bounds the question whether the store answers.
const pingTime = 2 * time.Second

func (g *Gateway) getStatus(c *call) error {
	s := slipway.Status{
		Gateway: g.cfg.ID, Build: g.cfg.Build, StartedAt: g.started, Store: "ok",
		Invokers: g.invokers.states(),
	}
	if err := g.ping(c.Request().Context()); err != nil {
		s.Store = err.Error()
	}
	s.Functions = functionStatus(c.tenant, g.routes.live(c.tenant), s.Invokers)
	for i, f := range s.Functions {
		t := g.meter(slipway.FunctionRef{Tenant: c.tenant, Function: f.Function}).Tally()
		s.Functions[i].Events, s.Functions[i].FunctionErrors, s.Functions[i].PlatformErrors = t.Events, t.FunctionErrors, t.PlatformErrors
	}
	return c.reply(http.StatusOK, s)
}

// functionStatus adds up what the invokers published about each function.
func functionStatus(tenant string, live map[string]int, invokers []slipway.InvokerState) []slipway.FunctionStatus {
	all := make([]slipway.FunctionStatus, 0, len(live))
	at := make(map[string]int, len(live))
	for name, version := range live {
		at[name] = len(all)
		all = append(all, slipway.FunctionStatus{Function: name, Live: version})
	}
	for _, invoker := range invokers {
		for _, v := range invoker.Versions {
			i, ok := at[v.Function]
			if !ok || v.Tenant != tenant {
				continue
			}
			all[i].Instances += v.Instances
			all[i].Free += v.Free
			all[i].Waiting += v.Waiting
		}
	}
	slices.SortFunc(all, func(a, b slipway.FunctionStatus) int { return cmp.Compare(a.Function, b.Function) })
	return all
}

func (g *Gateway) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	return g.store.Ping(ctx)
}

// healthBody answers probes.
type healthBody struct {
	Status string `json:"status"`
}

// getHealth says that the process answers.
func (g *Gateway) getHealth(c *call) error { return c.reply(http.StatusOK, healthBody{"ok"}) }

// getReady says whether events and calls can be served: the routes are known and the
// store answers. Invokers do not count: a gateway without them answers, with 503.
func (g *Gateway) getReady(c *call) error {
	if !g.routes.loaded() {
		return &slipway.Error{Kind: slipway.ErrUnavailable, Message: "the gateway is starting", RetryAfter: time.Second}
	}
	if err := g.ping(c.Request().Context()); err != nil {
		return &slipway.Error{Kind: slipway.ErrUnavailable, Message: "the store does not answer", RetryAfter: time.Second, Cause: err}
	}
	return c.reply(http.StatusOK, healthBody{"ready"})
}
