package gateway

import (
	"slices"

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

var paging = []param{
	query("limit", "integer", "items at most, 1 to 1000; 100"),
	query("cursor", "string", "next of the part before"),
}

const (
	admin  = slipway.ScopeAdmin
	invoke = slipway.ScopeInvoke
	sse    = "text/event-stream"
	ndjson = "application/x-ndjson"
)

// table is the API: the rows of every topic, each in a file table_<topic>.go. A call that
// is not in it does not exist.
func (g *Gateway) table() []apiCall {
	return slices.Concat(
		g.functionCalls(),
		g.deployCalls(),
		g.versionCalls(),
		g.invocationCalls(),
		g.triggerCalls(),
		g.tenantCalls(),
		g.jobCalls(),
		g.queueCalls(),
		g.definitionCalls(),
		g.serviceCalls(),
	)
}

// ofFunction is the path of one function.
const ofFunction = "/v1/functions/:name"
