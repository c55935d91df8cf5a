package gateway

import (
	"net/http"

	"github.com/slipway-run/slipway"
)

// tenantBody is what a client says about a tenant.
type tenantBody struct {
	MaxConcurrency int `json:"max_concurrency"`
}

// owner refuses callers of other tenants than the default one, whose admins look after
// all of them.
func (c *call) owner() error {
	if c.tenant != slipway.DefaultTenant {
		return slipway.Errorf(slipway.ErrForbidden, "tenants are looked after with a key of the tenant %q; this one belongs to %q", slipway.DefaultTenant, c.tenant)
	}
	return nil
}

func (g *Gateway) putTenant(c *call) error {
	if err := c.owner(); err != nil {
		return err
	}
	var body tenantBody
	if err := c.decode(&body); err != nil {
		return err
	}
	tenant := slipway.Tenant{Name: c.Param("name"), MaxConcurrency: body.MaxConcurrency}
	if err := tenant.Check(); err != nil {
		return err
	}
	reserved := 0
	for _, n := range reservedBy(g.routes.all(), tenant.Name) {
		reserved += n
	}
	if tenant.MaxConcurrency > 0 && reserved > tenant.MaxConcurrency {
		return slipway.Errorf(slipway.ErrInvalid, "max_concurrency: %d is not allowed; the functions of the tenant have %d reserved", tenant.MaxConcurrency, reserved)
	}
	tenant, created, err := g.store.PutTenant(c.Request().Context(), tenant)
	if err != nil {
		return err
	}
	g.changed(c.Request().Context(), slipway.FunctionRef{Tenant: tenant.Name})
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return c.reply(status, tenant)
}

// getTenant shows a tenant to its own admins and to those of the default one.
func (g *Gateway) getTenant(c *call) error {
	name := c.Param("name")
	if name != c.tenant {
		if err := c.owner(); err != nil {
			return err
		}
	}
	tenant, err := g.store.Tenant(c.Request().Context(), name)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, tenant)
}

func (g *Gateway) listTenants(c *call) error {
	if err := c.owner(); err != nil {
		return err
	}
	tenants, err := g.store.Tenants(c.Request().Context())
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, slipway.List[slipway.Tenant]{Items: tenants})
}

func (g *Gateway) deleteTenant(c *call) error {
	if err := c.owner(); err != nil {
		return err
	}
	ctx, name := c.Request().Context(), c.Param("name")
	if err := g.store.DeleteTenant(ctx, name); err != nil {
		return err
	}
	g.keys.forget()
	g.changed(ctx, slipway.FunctionRef{Tenant: name})
	return c.NoContent(http.StatusNoContent)
}

// checkReserved refuses a configuration that reserves more than its tenant has left.
func (g *Gateway) checkReserved(f slipway.FunctionRef, config slipway.Config) error {
	t := (*g.limits.tenants.Load())[f.Tenant]
	if t == nil || config.Scaling.Reserved == 0 {
		return nil
	}
	left := int(t.max.Load())
	for function, n := range reservedBy(g.routes.all(), f.Tenant) {
		if function != f.Function {
			left -= n
		}
	}
	if config.Scaling.Reserved > left {
		return slipway.Errorf(slipway.ErrInvalid, "scaling.reserved: %d is not allowed; of the tenant's max_concurrency of %d there are %d left to reserve", config.Scaling.Reserved, t.max.Load(), max(0, left))
	}
	return nil
}
