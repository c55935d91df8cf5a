package gateway

import (
	"net/http"

	"github.com/slipway-run/slipway"
)

// apiCall is one row of the API: what is registered with the router, and what
// /openapi.json says about it.
type apiCall struct {
	method  string
	path    string // as the router takes it: parameters begin with a colon
	scope   string // the caller's key must have it (admin has all); "" is for everyone
	summary string
	query   []param
	takes   any    // JSON body: a value of its type; nil when there is none
	binary  string // body that is not JSON, in words
	status  int    // of success
	gives   any    // JSON answer: a value of its type; nil when there is none
	stream  string // answer that is not one JSON document: its media type
	handle  func(*call) error
}

// param is a query parameter or header.
type param struct {
	name, in, kind, text string
}

func query(name, kind, text string) param { return param{name, "query", kind, text} }

var (
	paging = []param{
		query("limit", "integer", "items at most, 1 to 1000; 100"),
		query("cursor", "string", "next of the part before"),
	}
	deploying = []param{
		query("wait", "boolean", "stream the build as Server-Sent Events: build, step, log, progress, then version or error"),
		{configHeader, "header", "string", "a partial configuration in JSON, for this deploy; kept when it succeeds"},
		{canaryHeader, "header", "string", "a canary in JSON, as of an alias, {} for the defaults: the version gets the events by and by"},
	}
	building = []param{
		query("runtime", "string", "as in the configuration"),
		query("handler", "string", "as in the configuration"),
	}
)

const (
	admin  = slipway.ScopeAdmin
	invoke = slipway.ScopeInvoke
	sse    = "text/event-stream"
	ndjson = "application/x-ndjson"
)

// table is the API. A call that is not in it does not exist.
func (g *Gateway) table() []apiCall {
	type functions = slipway.List[slipway.Function]
	type versions = slipway.List[slipway.Version]
	type aliases = slipway.List[slipway.Alias]
	type keys = slipway.List[slipway.Key]
	type tenants = slipway.List[slipway.Tenant]
	type instances = slipway.List[slipway.InstanceInfo]
	const fn = "/v1/functions/:name"
	return []apiCall{
		{method: "PUT", path: fn, scope: admin, summary: "Create a function, or lay a partial configuration over its own", takes: slipway.Config{}, status: 200, gives: slipway.Function{}, handle: g.putFunction},
		{method: "GET", path: "/v1/functions", scope: admin, summary: "List functions by name", query: paging, status: 200, gives: functions{}, handle: g.listFunctions},
		{method: "GET", path: fn, scope: admin, summary: "Show a function", status: 200, gives: slipway.Function{}, handle: g.getFunction},
		{method: "DELETE", path: fn, scope: admin, summary: "Delete a function with everything below it", status: 204, handle: g.deleteFunction},

		{method: "POST", path: fn + "/source", scope: admin, summary: "Build a version from source and put it live", query: append(deploying, building...), binary: "tar, tar.gz or zip of a folder of source", status: 202, gives: slipway.Build{}, stream: sse, handle: g.postSource},
		{method: "POST", path: fn + "/image", scope: admin, summary: "Make a version from an image and put it live", query: deploying, takes: imageBody{}, binary: "OCI layout or docker save archive", status: 202, gives: slipway.Build{}, stream: sse, handle: g.postImage},
		{method: "GET", path: "/v1/builds/:id", scope: admin, summary: "Show a build", status: 200, gives: slipway.Build{}, handle: g.getBuild},
		{method: "GET", path: "/v1/builds/:id/logs", scope: admin, summary: "What a build said", query: []param{query("follow", "boolean", "stream as Server-Sent Events until the build ends")}, status: 200, gives: slipway.BuildEvent{}, stream: ndjson, handle: g.getBuildLogs},

		{method: "GET", path: fn + "/versions", scope: admin, summary: "List versions, newest first", query: paging, status: 200, gives: versions{}, handle: g.listVersions},
		{method: "GET", path: fn + "/versions/:version", scope: admin, summary: "Show a version", status: 200, gives: slipway.Version{}, handle: g.getVersion},
		{method: "GET", path: fn + "/aliases", scope: admin, summary: "List aliases by name", status: 200, gives: aliases{}, handle: g.listAliases},
		{method: "PUT", path: fn + "/aliases/:alias", scope: admin, summary: "Make or move an alias", takes: aliasBody{}, status: 200, gives: slipway.Alias{}, handle: g.putAlias},
		{method: "GET", path: fn + "/aliases/:alias", scope: admin, summary: "Show an alias", status: 200, gives: slipway.Alias{}, handle: g.getAlias},
		{method: "DELETE", path: fn + "/aliases/:alias", scope: admin, summary: "Delete an alias; live cannot be deleted", status: 204, handle: g.deleteAlias},
		{method: "POST", path: fn + "/rollback", scope: admin, summary: "Put an earlier version live: the one before, or the one named", takes: rollbackBody{}, status: 200, gives: slipway.Version{}, handle: g.rollback},

		{method: "POST", path: fn + "/pause", scope: admin, summary: "Take a function out of service: events get 503, its instances are closed", status: 200, gives: slipway.Function{}, handle: g.pause},
		{method: "POST", path: fn + "/resume", scope: admin, summary: "Bring a paused function back into service", status: 200, gives: slipway.Function{}, handle: g.resume},

		{method: "POST", path: fn + "/invocations", scope: invoke, summary: "Give the body to the function; the answer is the function's", query: []param{query("qualifier", "string", "alias or number of a version; live"), {modeHeader, "header", "string", "sync (default) or dry-run"}}, binary: "the event", status: 200, stream: "*/*", handle: g.postInvocation},
		{method: "GET", path: fn + "/logs", scope: admin, summary: "What a function printed", query: []param{query("follow", "boolean", "stream as Server-Sent Events as it comes"), query("since", "string", "RFC 3339, or how long ago, as in 10m"), query("limit", "integer", "the newest lines at most")}, status: 200, gives: slipway.LogLine{}, stream: ndjson, handle: g.getLogs},
		{method: "GET", path: fn + "/instances", scope: admin, summary: "List the running instances", status: 200, gives: instances{}, handle: g.listInstances},

		{method: "GET", path: "/v1/keys", scope: admin, summary: "List keys, without their secrets", status: 200, gives: keys{}, handle: g.listKeys},
		{method: "POST", path: "/v1/keys", scope: admin, summary: "Make a key; its secret is shown once", takes: keyBody{}, status: 201, gives: slipway.Key{}, handle: g.postKey},
		{method: "DELETE", path: "/v1/keys/:id", scope: admin, summary: "Delete a key", status: 204, handle: g.deleteKey},
		{method: "GET", path: "/v1/tenants", scope: admin, summary: "List tenants by name; for keys of the default tenant", status: 200, gives: tenants{}, handle: g.listTenants},
		{method: "PUT", path: "/v1/tenants/:name", scope: admin, summary: "Make a tenant, or set its limits; for keys of the default tenant", takes: tenantBody{}, status: 200, gives: slipway.Tenant{}, handle: g.putTenant},
		{method: "GET", path: "/v1/tenants/:name", scope: admin, summary: "Show a tenant; others than one's own for keys of the default tenant", status: 200, gives: slipway.Tenant{}, handle: g.getTenant},
		{method: "DELETE", path: "/v1/tenants/:name", scope: admin, summary: "Delete a tenant that has no functions; for keys of the default tenant", status: 204, handle: g.deleteTenant},
		{method: "GET", path: "/v1/status", scope: admin, summary: "What the gateway knows about the platform now", status: 200, gives: slipway.Status{}, handle: g.getStatus},

		{method: "GET", path: "/healthz", summary: "Whether the process answers", status: 200, gives: healthBody{}, handle: g.getHealth},
		{method: "GET", path: "/readyz", summary: "Whether events and calls can be served", status: 200, gives: healthBody{}, handle: g.getReady},
		{method: "GET", path: "/openapi.json", summary: "This description", status: http.StatusOK, stream: "application/json", handle: g.getOpenAPI},
	}
}
