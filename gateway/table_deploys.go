package gateway

import "github.com/slipway-run/slipway"

var (
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

// deployCalls make versions.
func (g *Gateway) deployCalls() []apiCall {
	return []apiCall{
		{method: "POST", path: ofFunction + "/source", scope: admin, summary: "Build a version from source and put it live", query: append(deploying, building...), binary: "tar, tar.gz or zip of a folder of source", status: 202, gives: slipway.Build{}, stream: sse, handle: g.postSource},
		{method: "POST", path: ofFunction + "/image", scope: admin, summary: "Make a version from an image and put it live", query: deploying, takes: imageBody{}, binary: "OCI layout or docker save archive", status: 202, gives: slipway.Build{}, stream: sse, handle: g.postImage},
		{method: "GET", path: "/v1/builds/:id", scope: admin, summary: "Show a build", status: 200, gives: slipway.Build{}, handle: g.getBuild},
		{method: "GET", path: "/v1/builds/:id/logs", scope: admin, summary: "What a build said", query: []param{query("follow", "boolean", "stream as Server-Sent Events until the build ends")}, status: 200, gives: slipway.BuildEvent{}, stream: ndjson, handle: g.getBuildLogs},
	}
}
