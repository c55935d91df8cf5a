package gateway

import (
	"net/http"

	"github.com/slipway-run/slipway"
)

// serviceCalls are about the platform itself.
func (g *Gateway) serviceCalls() []apiCall {
	reader := slipway.ScopeMetrics
	if g.cfg.OpenMetrics {
		reader = ""
	}
	return []apiCall{
		{method: "GET", path: "/v1/status", scope: admin, summary: "What the gateway knows about the platform now", status: 200, gives: slipway.Status{}, handle: g.getStatus},
		{method: "GET", path: "/healthz", summary: "Whether the process answers", status: 200, gives: healthBody{}, handle: g.getHealth},
		{method: "GET", path: "/readyz", summary: "Whether events and calls can be served", status: 200, gives: healthBody{}, handle: g.getReady},
		{method: "GET", path: "/metrics", scope: reader, summary: "What is counted, of all tenants, in the text format of Prometheus; for keys of the default tenant", status: 200, stream: "text/plain", handle: g.getMetrics},
		{method: "GET", path: "/openapi.json", summary: "This description", status: http.StatusOK, stream: "application/json", handle: g.getOpenAPI},
	}
}
