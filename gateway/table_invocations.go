package gateway

import "github.com/slipway-run/slipway"

// invocationCalls give events to functions and say what became of them.
func (g *Gateway) invocationCalls() []apiCall {
	type instances = slipway.List[slipway.InstanceInfo]
	return []apiCall{
		{method: "POST", path: ofFunction + "/invocations", scope: invoke, summary: "Give the body to the function; the answer is the function's", query: []param{query("qualifier", "string", "alias or number of a version; live"), {modeHeader, "header", "string", "sync (default) or dry-run"}}, binary: "the event", status: 200, stream: "*/*", handle: g.postInvocation},
		{method: "GET", path: ofFunction + "/logs", scope: admin, summary: "What a function printed", query: []param{query("follow", "boolean", "stream as Server-Sent Events as it comes"), query("since", "string", "RFC 3339, or how long ago, as in 10m"), query("limit", "integer", "the newest lines at most")}, status: 200, gives: slipway.LogLine{}, stream: ndjson, handle: g.getLogs},
		{method: "GET", path: ofFunction + "/instances", scope: admin, summary: "List the running instances", status: 200, gives: instances{}, handle: g.listInstances},
	}
}
