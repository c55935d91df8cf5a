package gateway

import "github.com/slipway-run/slipway"

// invocationCalls give events to functions and say what became of them.
func (g *Gateway) invocationCalls() []apiCall {
	type instances = slipway.List[slipway.InstanceInfo]
	type invocations = slipway.List[slipway.Invocation]
	return []apiCall{
		{method: "POST", path: ofFunction + "/invocations", scope: invoke, summary: "Give the body to the function; the answer is the function's, or with the mode async 202 and the invocation", query: []param{query("qualifier", "string", "alias or number of a version; live"), {modeHeader, "header", "string", "sync (default), async or dry-run"}, {idempotencyHeader, "header", "string", "with async: the same key for the same function is the same event, 255 bytes at most"}, {logTypeHeader, "header", "string", "Tail: X-Slipway-Log-Tail has the last 4 KiB printed for the event, in base64"}}, binary: "the event", status: 200, stream: "*/*", handle: g.postInvocation},
		{method: "POST", path: awsPath + "functions/:name/invocations", scope: invoke, summary: "AWS Lambda's Invoke", query: []param{query("Qualifier", "string", "alias or number of a version; live"), {"X-Amz-Invocation-Type", "header", "string", "RequestResponse (default), Event or DryRun"}, {"X-Amz-Log-Type", "header", "string", "Tail or None"}, {"X-Amz-Client-Context", "header", "string", "JSON in base64"}}, binary: "the event", status: 200, stream: "*/*", handle: g.postAWSInvocation},
		{method: "GET", path: "/v1/invocations", scope: admin, summary: "List asynchronous invocations, newest first", query: append([]param{query("function", "string", "of this function only"), query("state", "string", "states with commas between: queued, running, succeeded, failed, expired, cancelled"), query("since", "string", "accepted since: RFC 3339, or how long ago, as in 10m")}, paging...), status: 200, gives: invocations{}, handle: g.listInvocations},
		{method: "GET", path: "/v1/invocations/:id", scope: invoke, summary: "Show an asynchronous invocation: state, attempts, result", query: []param{query("wait", "string", "answer when it has its outcome, or after so long: up to 1m")}, status: 200, gives: slipway.Invocation{}, handle: g.getInvocation},
		{method: "GET", path: "/v1/invocations/:id/event", scope: admin, summary: "The event as it was accepted", status: 200, stream: "*/*", handle: g.getEvent},
		{method: "POST", path: "/v1/invocations/:id/cancel", scope: invoke, summary: "Cancel an invocation: at once when it is queued, soon when it runs", status: 200, gives: slipway.Invocation{}, handle: g.cancelInvocation},
		{method: "POST", path: "/v1/invocations/:id/redrive", scope: admin, summary: "Run the event of one that failed, expired or was cancelled again, as a new invocation", status: 202, gives: slipway.Invocation{}, handle: g.redriveInvocation},
		{method: "POST", path: ofFunction + "/redrive", scope: admin, summary: "Redrive all failed and expired invocations that were not yet, up to 10000", status: 202, gives: redrivenBody{}, handle: g.redriveFunction},
		{method: "POST", path: "/v1/invocations/:id/replay", scope: admin, summary: "Run a recorded event again, now and beside what is recorded; nothing of it is kept", takes: replayBody{}, status: 200, gives: slipway.Replay{}, handle: g.replayInvocation},
		{method: "GET", path: "/v1/webhook-key", scope: admin, summary: "Show what signs the webhooks of the tenant", status: 200, gives: slipway.WebhookKey{}, handle: g.getWebhookKey},
		{method: "POST", path: "/v1/webhook-key/rotate", scope: admin, summary: "Change what signs the webhooks of the tenant; the key before signs too for a day", status: 200, gives: slipway.WebhookKey{}, handle: g.rotateWebhookKey},
		{method: "GET", path: ofFunction + "/logs", scope: admin, summary: "What a function printed", query: []param{query("follow", "boolean", "stream as Server-Sent Events as it comes"), query("since", "string", "RFC 3339, or how long ago, as in 10m"), query("limit", "integer", "the newest lines at most")}, status: 200, gives: slipway.LogLine{}, stream: ndjson, handle: g.getLogs},
		{method: "GET", path: ofFunction + "/instances", scope: admin, summary: "List the running instances", status: 200, gives: instances{}, handle: g.listInstances},
	}
}
