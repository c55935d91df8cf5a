package gateway

import "github.com/slipway-run/slipway"

// versionCalls are about versions and where events go.
func (g *Gateway) versionCalls() []apiCall {
	type versions = slipway.List[slipway.Version]
	type aliases = slipway.List[slipway.Alias]
	return []apiCall{
		{method: "GET", path: ofFunction + "/versions", scope: admin, summary: "List versions, newest first", query: paging, status: 200, gives: versions{}, handle: g.listVersions},
		{method: "GET", path: ofFunction + "/versions/:version", scope: admin, summary: "Show a version", status: 200, gives: slipway.Version{}, handle: g.getVersion},
		{method: "GET", path: ofFunction + "/aliases", scope: admin, summary: "List aliases by name", status: 200, gives: aliases{}, handle: g.listAliases},
		{method: "PUT", path: ofFunction + "/aliases/:alias", scope: admin, summary: "Make or move an alias", takes: aliasBody{}, status: 200, gives: slipway.Alias{}, handle: g.putAlias},
		{method: "GET", path: ofFunction + "/aliases/:alias", scope: admin, summary: "Show an alias", status: 200, gives: slipway.Alias{}, handle: g.getAlias},
		{method: "DELETE", path: ofFunction + "/aliases/:alias", scope: admin, summary: "Delete an alias; live cannot be deleted", status: 204, handle: g.deleteAlias},
		{method: "POST", path: ofFunction + "/rollback", scope: admin, summary: "Put an earlier version live: the one before, or the one named", takes: rollbackBody{}, status: 200, gives: slipway.Version{}, handle: g.rollback},
	}
}
