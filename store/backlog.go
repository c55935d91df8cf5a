package store

import (
	"context"

	"github.com/slipway-run/slipway"
)

// AsyncBacklog is the asynchronous events without an outcome, by tenant and function.
func (s *Store) AsyncBacklog(ctx context.Context) ([]slipway.AsyncBacklog, error) {
	all, err := collect(ctx, s.read, func(r row) (b slipway.AsyncBacklog, err error) {
		return b, r.Scan(&b.Tenant, &b.Function, &b.Queued, &b.Running, moment{&b.Oldest})
	}, `
		SELECT tenant, function, sum(queued), sum(running), min(oldest) FROM (
			SELECT tenant, function, count(*) AS queued, 0 AS running, min(accepted_at) AS oldest
			FROM invocations WHERE state = 'queued' GROUP BY tenant, function
			UNION ALL
			SELECT tenant, function, 0, count(*), min(accepted_at)
			FROM invocations WHERE state = 'running' GROUP BY tenant, function
		) AS waiting GROUP BY tenant, function ORDER BY tenant, function`)
	return all, wrap(err, "count the asynchronous events")
}
