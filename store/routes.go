package store

import (
	"context"

	"github.com/slipway-run/slipway"
)

// selectRoute reads one row for each version that an alias names or named before, in one statement, so
// that all of it is from one moment.
const selectRoute = `
	SELECT f.tenant, f.name, f.config, f.paused,
		` + aliasColumns + `,
		v.number, v.digest, v.protocol, v.config
	FROM functions f
	JOIN aliases a ON a.tenant = f.tenant AND a.function = f.name
	JOIN versions v ON v.tenant = f.tenant AND v.function = f.name AND v.number IN (a.version, a.other_version, a.previous)
	WHERE EXISTS (
		SELECT 1 FROM aliases l
		WHERE l.tenant = f.tenant AND l.function = f.name AND l.name = '` + slipway.LiveAlias + `') `

// routeRow is one version of one alias.
type routeRow struct {
	function slipway.Function
	alias    slipway.Alias
	spec     slipway.Spec
}

func scanRoute(r row) (routeRow, error) {
	row := routeRow{
		function: slipway.Function{Config: slipway.DefaultConfig()},
		spec:     slipway.Spec{Config: slipway.DefaultConfig()},
	}
	f, v := &row.function, &row.spec
	var alias aliasRow
	columns := append([]any{&f.Tenant, &f.Name, configuration{&f.Config}, &f.Paused}, alias.columns()...)
	err := r.Scan(append(columns, &v.Version, &v.Digest, &v.Protocol, configuration{&v.Config})...)
	row.alias = alias.alias()
	v.Tenant, v.Function = f.Tenant, f.Name
	v.Config, v.Paused = v.Config.OfFunction(f.Config), f.Paused
	return row, err
}

// Routes reads what a gateway must know to send events on their way: of one function,
// or of all when ref is nil. A function without a live alias has no route. The
// configuration of each spec is the version's, with the function's present scaling,
// release, async and tags.
func (s *Store) Routes(ctx context.Context, ref *slipway.FunctionRef) ([]slipway.Route, error) {
	query, args := selectRoute, []any(nil)
	if ref != nil {
		query, args = query+`AND f.tenant = $1 AND f.name = $2 `, []any{ref.Tenant, ref.Function}
	}
	rows, err := collect(ctx, s.read, scanRoute, query+`ORDER BY f.tenant, f.name`, args...)
	if err != nil {
		return nil, wrap(err, "read the routes")
	}
	return gather(rows), nil
}

// gather puts the rows of each function, which follow each other, into one route.
func gather(rows []routeRow) []slipway.Route {
	routes := []slipway.Route{}
	for _, row := range rows {
		ref := slipway.FunctionRef{Tenant: row.function.Tenant, Function: row.function.Name}
		if n := len(routes); n == 0 || routes[n-1].FunctionRef != ref {
			routes = append(routes, slipway.Route{
				FunctionRef: ref, Auth: row.function.Auth, Paused: row.function.Paused,
				Aliases: map[string]slipway.Alias{}, Specs: map[int]slipway.Spec{},
			})
		}
		route := &routes[len(routes)-1]
		route.Aliases[row.alias.Name] = row.alias
		route.Specs[row.spec.Version] = row.spec
	}
	return routes
}
