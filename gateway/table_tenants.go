package gateway

import "github.com/slipway-run/slipway"

// tenantCalls are about who may do what.
func (g *Gateway) tenantCalls() []apiCall {
	type keys = slipway.List[slipway.Key]
	type tenants = slipway.List[slipway.Tenant]
	return []apiCall{
		{method: "GET", path: "/v1/keys", scope: admin, summary: "List keys, without their secrets", status: 200, gives: keys{}, handle: g.listKeys},
		{method: "POST", path: "/v1/keys", scope: admin, summary: "Make a key; its secret is shown once", takes: keyBody{}, status: 201, gives: slipway.Key{}, handle: g.postKey},
		{method: "DELETE", path: "/v1/keys/:id", scope: admin, summary: "Delete a key", status: 204, handle: g.deleteKey},
		{method: "GET", path: "/v1/tenants", scope: admin, summary: "List tenants by name; for keys of the default tenant", status: 200, gives: tenants{}, handle: g.listTenants},
		{method: "PUT", path: "/v1/tenants/:name", scope: admin, summary: "Make a tenant, or set its limits; for keys of the default tenant", takes: tenantBody{}, status: 200, gives: slipway.Tenant{}, handle: g.putTenant},
		{method: "GET", path: "/v1/tenants/:name", scope: admin, summary: "Show a tenant; others than one's own for keys of the default tenant", status: 200, gives: slipway.Tenant{}, handle: g.getTenant},
		{method: "DELETE", path: "/v1/tenants/:name", scope: admin, summary: "Delete a tenant that has no functions; for keys of the default tenant", status: 204, handle: g.deleteTenant},
	}
}
