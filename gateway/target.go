package gateway

import (
	"net/http"
	"strings"

	"github.com/slipway-run/slipway"
)

// target is whom an event is for, as its host or path says.
type target struct {
	tenant   string
	function string
	alias    string
	uri      string // path and query as the function sees them
}

// eventTarget says whether r is an event rather than a call of the API. The host is
// looked at first, [<alias>--]<function>[.<tenant>].<domain>: below the domain every path
// belongs to the function. Functions of other tenants than the default one have no path.
func eventTarget(r *http.Request, domain string) (target, bool) {
	if label, ok := hostLabel(r.Host, domain); ok {
		t := target{tenant: slipway.DefaultTenant, function: label, alias: slipway.LiveAlias, uri: requestURI(r)}
		if function, tenant, split := strings.Cut(label, "."); split {
			t.function, t.tenant = function, tenant
		}
		if alias, function, split := strings.Cut(t.function, "--"); split {
			t.function, t.alias = function, alias
		}
		return t, true
	}
	if strings.HasPrefix(r.URL.Path, "/fn/") {
		return pathTarget(requestURI(r))
	}
	return target{}, false
}

// hostLabel is what stands before the domain in host, in lower case.
func hostLabel(host, domain string) (string, bool) {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	host = strings.TrimSuffix(host, ".")
	at := len(host) - len(domain) - 1
	if at < 1 || host[at] != '.' || !strings.EqualFold(host[at+1:], domain) {
		return "", false
	}
	return strings.ToLower(host[:at]), true
}

// pathTarget takes /fn/<function>[:<alias>] off uri.
func pathTarget(uri string) (target, bool) {
	rest, ok := strings.CutPrefix(uri, "/fn/")
	if !ok {
		return target{}, false
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	name, uri := rest[:end], rest[end:]
	if !strings.HasPrefix(uri, "/") {
		uri = "/" + uri
	}
	t := target{tenant: slipway.DefaultTenant, function: name, alias: slipway.LiveAlias, uri: uri}
	if function, alias, split := strings.Cut(name, ":"); split {
		t.function, t.alias = function, alias
	}
	return t, true
}

// requestURI is path and query as they were sent.
func requestURI(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI() // the absolute form of RFC 9112, section 3.2.2, or *
}
