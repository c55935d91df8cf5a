package gateway

import "github.com/slipway-run/slipway"

// functionCalls are about functions as such.
func (g *Gateway) functionCalls() []apiCall {
	type functions = slipway.List[slipway.Function]
	return []apiCall{
		{method: "PUT", path: ofFunction, scope: admin, summary: "Create a function, or lay a partial configuration over its own", takes: slipway.Config{}, status: 200, gives: slipway.Function{}, handle: g.putFunction},
		{method: "GET", path: "/v1/functions", scope: admin, summary: "List functions by name", query: paging, status: 200, gives: functions{}, handle: g.listFunctions},
		{method: "GET", path: ofFunction, scope: admin, summary: "Show a function", status: 200, gives: slipway.Function{}, handle: g.getFunction},
		{method: "DELETE", path: ofFunction, scope: admin, summary: "Delete a function with everything below it", status: 204, handle: g.deleteFunction},
		{method: "POST", path: ofFunction + "/pause", scope: admin, summary: "Take a function out of service: events get 503, its instances are closed", status: 200, gives: slipway.Function{}, handle: g.pause},
		{method: "POST", path: ofFunction + "/resume", scope: admin, summary: "Bring a paused function back into service", status: 200, gives: slipway.Function{}, handle: g.resume},
	}
}
