package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway"
)

// jobsPerStatement bounds the parameters of one statement about jobs: SQLite's driver takes
// time for each that grows with their number.
const jobsPerStatement = 40

// AddJobs adds jobs, all or none, and gives each its number. A job whose tenant has used
// its idempotency key before is not added: the one that was is in its place, and old says
// so. Of two new ones with the same key the first is added.
func (s *Store) AddJobs(ctx context.Context, jobs []slipway.JobRecord) (stored []slipway.JobRecord, old []bool, err error) {
	for attempt := 0; ; attempt++ {
		stored, old = append([]slipway.JobRecord(nil), jobs...), make([]bool, len(jobs))
		err = s.change(ctx, func(tx *sql.Tx) error { return s.addJobs(ctx, tx, stored, old) })
		if isDuplicate(err) && attempt == 0 { // another gateway was given the same key at the same time
			continue
		}
		if isOrphan(err) {
			err = slipway.Errorf(slipway.ErrNotFound, "the tenant of a job does not exist")
		}
		return stored, old, wrap(err, "add %d jobs", len(jobs))
	}
}

func (s *Store) addJobs(ctx context.Context, tx *sql.Tx, jobs []slipway.JobRecord, old []bool) error {
	var last int64
	// The lock on this row makes numbers visible in their order.
	err := tx.QueryRowContext(ctx, `UPDATE job_numbers SET last = last + $1 RETURNING last`, len(jobs)).Scan(&last)
	if err != nil {
		return err
	}
	if err := findKeys(ctx, tx, jobs, old); err != nil {
		return err
	}
	first := map[string]int{} // by tenant and key
	var fresh []*slipway.JobRecord
	twice := map[int]int{}
	for i := range jobs {
		if old[i] {
			continue
		}
		jobs[i].Num = last - int64(len(jobs)-1-i)
		jobs[i].CreatedAt = stampOrNow(jobs[i].CreatedAt)
		if key := jobs[i].Request.IdempotencyKey; key != "" {
			name := jobs[i].Tenant + "\x00" + key
			if f, known := first[name]; known {
				twice[i] = f
				continue
			}
			first[name] = i
		}
		fresh = append(fresh, &jobs[i])
	}
	for len(fresh) > 0 {
		n := min(len(fresh), jobsPerStatement)
		if err := s.insertJobs(ctx, tx, fresh[:n]); err != nil {
			return err
		}
		fresh = fresh[n:]
	}
	for i, f := range twice {
		jobs[i], old[i] = jobs[f], true
	}
	return nil
}

// findKeys puts the jobs that were added before with the same keys in the places of those
// that have them now.
func findKeys(ctx context.Context, tx *sql.Tx, jobs []slipway.JobRecord, old []bool) error {
	for i := range jobs {
		key := jobs[i].Request.IdempotencyKey
		if key == "" {
			continue
		}
		known, err := scanJob(tx.QueryRowContext(ctx, selectJob+`WHERE tenant = $1 AND idempotency_key = $2`, jobs[i].Tenant, key))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			continue
		case err != nil:
			return err
		}
		jobs[i], old[i] = known, true
	}
	return nil
}

func (s *Store) insertJobs(ctx context.Context, tx *sql.Tx, jobs []*slipway.JobRecord) error {
	var args []any
	for _, j := range jobs {
		var key *string
		if k := j.Request.IdempotencyKey; k != "" {
			key = &k
		}
		args = append(args, j.Num, j.ID, j.Tenant, j.Request.Name, j.Request.Queue, document{withoutColumns(j.Request)}, arraySize(j.Request),
			j.CPU, j.MemoryMB, key, j.CreatedAt, string(j.Status))
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO jobs (num, id, tenant, name, queue, request, size, cpu, memory_mb, idempotency_key, created_at, status)
		VALUES `+s.dialect.rows(len(jobs), 12), args...)
	return err
}

// withoutColumns leaves out what has a column of its own, and so is not kept twice.
func withoutColumns(r slipway.JobRequest) slipway.JobRequest {
	r.Name, r.Queue, r.IdempotencyKey, r.Array = "", "", "", nil
	return r
}

func arraySize(r slipway.JobRequest) int {
	if r.Array == nil {
		return 0
	}
	return r.Array.Size
}

// rows is n rows of so many columns: ($1, $2), ($3, $4). With SQLite they are (?, ?), (?, ?):
// its driver looks up each numbered one among all, which takes longer than all else.
func (d dialect) rows(n, columns int) string { return d.typedRows(n, make([]string, columns)...) }

// typedRows is rows whose columns have types, as PostgreSQL wants to know where nothing
// else says it; "" has none.
func (d dialect) typedRows(n int, types ...string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		for c, typ := range types {
			b.WriteByte("(,"[min(c, 1)])
			mark := "?"
			if d.name != "sqlite" {
				mark = "$" + strconv.Itoa(i*len(types)+c+1)
			}
			if typ != "" {
				mark = "CAST(" + mark + " AS " + typ + ")"
			}
			b.WriteString(mark)
		}
		b.WriteByte(')')
	}
	return b.String()
}
