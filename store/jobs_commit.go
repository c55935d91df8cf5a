package store

import (
	"context"
	"database/sql"
	"slices"

	"github.com/slipway-run/slipway"
)

// CommitJobs writes what one turn of the scheduler came to, all or nothing. An epoch that
// is not the present one any more is ErrConflict.
func (s *Store) CommitJobs(ctx context.Context, epoch int64, c slipway.JobChanges) error {
	hosts, err := s.hosts(ctx, c.Attempts)
	if err != nil {
		return wrap(err, "record jobs")
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		if err := s.holdEpoch(ctx, tx, epoch); err != nil {
			return err
		}
		w := jobWriter{ctx, tx, s.dialect}
		return firstError(
			func() error { return each(c.States, w.states) },
			func() error { return each(c.Drop, w.drop) },
			func() error { return each(c.Put, w.put) },
			func() error { return each(c.Attempts, w.attempts(hosts)) },
			func() error { return each(c.Endings, w.endings) },
			func() error { return each(c.Usage, w.usage) },
		)
	})
	return wrap(err, "record jobs")
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// each writes rows a statement's worth at a time.
func each[T any](rows []T, write func([]T) error) error {
	for chunk := range slices.Chunk(rows, jobsPerStatement) {
		if err := write(chunk); err != nil {
			return err
		}
	}
	return nil
}

// holdEpoch keeps others from taking the lease until the transaction ends.
func (s *Store) holdEpoch(ctx context.Context, tx *sql.Tx, epoch int64) error {
	var present int64
	share := ""
	if s.dialect.forUpdate != "" {
		share = " FOR SHARE"
	}
	if err := tx.QueryRowContext(ctx, `SELECT epoch FROM job_lease`+share).Scan(&present); err != nil {
		return err
	}
	if present != epoch {
		return slipway.Errorf(slipway.ErrConflict, "another gateway schedules jobs now")
	}
	return nil
}

// jobWriter writes rows in one transaction.
type jobWriter struct {
	ctx     context.Context
	tx      *sql.Tx
	dialect dialect
}

func (w jobWriter) exec(query string, args []any) error {
	_, err := w.tx.ExecContext(w.ctx, query, args...)
	return err
}

func (w jobWriter) states(states []slipway.JobState) error {
	var args []any
	for _, s := range states {
		args = append(args, s.Num, string(s.Status), printable(s.Reason), s.ExitCode, s.Next, s.Succeeded, s.Failed, printable(s.Stop),
			maybeStamp(s.StartedAt), maybeStamp(s.StoppedAt))
	}
	values := w.dialect.typedRows(len(states), "bigint", "text", "text", "integer", "integer", "integer", "integer", "text", "timestamptz", "timestamptz")
	return w.exec(`
		WITH s (num, status, reason, exit_code, next_child, succeeded, failed, stop, started_at, stopped_at) AS (VALUES `+values+`)
		UPDATE jobs SET status = s.status, reason = s.reason, exit_code = s.exit_code, next_child = s.next_child,
			succeeded = s.succeeded, failed = s.failed, stop = s.stop, started_at = s.started_at, stopped_at = s.stopped_at
		FROM s WHERE jobs.num = s.num`, args)
}

func (w jobWriter) drop(all []slipway.JobSlice) error {
	var args []any
	for _, s := range all {
		args = append(args, s.Job, s.Attempt, s.From)
	}
	return w.exec(`DELETE FROM job_slices WHERE (job, attempt, low) IN (VALUES `+w.dialect.typedRows(len(all), "bigint", "integer", "integer")+`)`, args)
}

func (w jobWriter) put(all []slipway.JobSlice) error {
	var args []any
	for _, s := range all {
		at := s.NotBefore
		if s.Given() {
			at = s.GivenAt
		}
		args = append(args, s.Job, s.From, s.To, s.Attempt, s.Tries, s.Losses, s.MemoryMB, s.Assignment, s.Invoker, s.Incarnation, s.Environment,
			stampOrNull(at), liveDocument(s.Live))
	}
	return w.exec(`
		INSERT INTO job_slices (job, low, high, attempt, tries, losses, memory_mb, assignment, invoker, incarnation, environment, at, live)
		VALUES `+w.dialect.rows(len(all), 13)+`
		ON CONFLICT (job, attempt, low) DO UPDATE SET high = excluded.high, tries = excluded.tries, losses = excluded.losses,
			memory_mb = excluded.memory_mb, assignment = excluded.assignment, invoker = excluded.invoker,
			incarnation = excluded.incarnation, environment = excluded.environment, at = excluded.at, live = excluded.live`, args)
}

func liveDocument(live map[int]slipway.LiveAttempt) document {
	if live == nil {
		live = map[int]slipway.LiveAttempt{}
	}
	return document{live}
}

func (w jobWriter) attempts(hosts map[string]int) func([]slipway.AttemptRecord) error {
	return func(all []slipway.AttemptRecord) error {
		var args []any
		for _, a := range all {
			var output any
			if a.Output != nil {
				output = document{a.Output}
			}
			args = append(args, a.Job, a.Index, a.Attempt, int(a.Outcome), a.ExitCode, printable(a.Reason), hosts[a.Invoker],
				maybeStamp(a.StartedAt), maybeStamp(a.StoppedAt), int64(a.CPUSeconds*1e6), a.MemoryPeakMB, a.MemoryMB, output)
		}
		return w.exec(`
			INSERT INTO job_attempts (job, child, attempt, outcome, exit_code, reason, host, started_at, stopped_at, cpu_us, peak_mb, memory_mb, output)
			VALUES `+w.dialect.rows(len(all), 13), args)
	}
}

func (w jobWriter) endings(all []slipway.JobEnding) error {
	var args []any
	for _, e := range all {
		args = append(args, e.Job, e.From, e.To, printable(e.Reason), stamp(e.At))
	}
	return w.exec(`INSERT INTO job_endings (job, low, high, reason, at) VALUES `+w.dialect.rows(len(all), 5), args)
}

func (w jobWriter) usage(all []slipway.ShareUsage) error {
	var args []any
	for _, u := range all {
		args = append(args, u.Tenant, u.Queue, u.Share, u.VCPUs, stamp(u.At))
	}
	return w.exec(`
		INSERT INTO job_usage (tenant, queue, share, vcpus, at) VALUES `+w.dialect.rows(len(all), 5)+`
		ON CONFLICT (tenant, queue, share) DO UPDATE SET vcpus = excluded.vcpus, at = excluded.at`, args)
}

// hosts gives the numbers under which attempts name their invokers.
func (s *Store) hosts(ctx context.Context, attempts []slipway.AttemptRecord) (map[string]int, error) {
	known := map[string]int{"": 0}
	for _, a := range attempts {
		if _, ok := known[a.Invoker]; ok {
			continue
		}
		if n, ok := s.hostNumbers.Load(a.Invoker); ok {
			known[a.Invoker] = n.(int)
			continue
		}
		n, err := s.host(ctx, a.Invoker)
		if err != nil {
			return nil, err
		}
		s.hostNumbers.Store(a.Invoker, n)
		known[a.Invoker] = n
	}
	return known, nil
}

func (s *Store) host(ctx context.Context, name string) (n int, err error) {
	if _, err := s.write.ExecContext(ctx, `INSERT INTO job_hosts (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`, name); err != nil {
		return 0, err
	}
	err = s.write.QueryRowContext(ctx, `SELECT num FROM job_hosts WHERE name = $1`, name).Scan(&n)
	return n, err
}
