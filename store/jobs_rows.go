package store

import (
	"database/sql"

	"github.com/slipway-run/slipway"
)

const selectJob = `
	SELECT num, id, tenant, name, queue, request, size, cpu, memory_mb, idempotency_key, created_at,
		status, reason, exit_code, next_child, succeeded, failed, stop, started_at, stopped_at
	FROM jobs `

func scanJob(r row) (slipway.JobRecord, error) {
	var j slipway.JobRecord
	var name, queue string
	var size int
	var key sql.NullString
	err := r.Scan(&j.Num, &j.ID, &j.Tenant, &name, &queue, document{&j.Request}, &size, &j.CPU, &j.MemoryMB, &key, moment{&j.CreatedAt},
		&j.Status, &j.Reason, &j.ExitCode, &j.Next, &j.Succeeded, &j.Failed, &j.Stop, maybeMoment{&j.StartedAt}, maybeMoment{&j.StoppedAt})
	j.Request.Name, j.Request.Queue, j.Request.IdempotencyKey = name, queue, key.String
	if size > 0 {
		j.Request.Array = &slipway.ArrayRequest{Size: size}
	}
	return j, err
}

const selectSlice = `
	SELECT job, low, high, attempt, tries, losses, memory_mb, assignment, invoker, incarnation, environment, at, live
	FROM job_slices `

func scanSlice(r row) (slipway.JobSlice, error) {
	var s slipway.JobSlice
	var at sql.NullTime
	err := r.Scan(&s.Job, &s.From, &s.To, &s.Attempt, &s.Tries, &s.Losses, &s.MemoryMB, &s.Assignment, &s.Invoker, &s.Incarnation,
		&s.Environment, &at, document{&s.Live})
	if at.Valid && s.Given() {
		s.GivenAt = at.Time.UTC()
	} else if at.Valid {
		s.NotBefore = at.Time.UTC()
	}
	return s, err
}

const selectAttempt = `
	SELECT a.job, a.child, a.attempt, a.outcome, a.exit_code, a.reason, COALESCE(h.name, ''), a.started_at, a.stopped_at,
		a.cpu_us, a.peak_mb, a.memory_mb, a.output
	FROM job_attempts a LEFT JOIN job_hosts h ON h.num = a.host `

func scanAttempt(r row) (slipway.AttemptRecord, error) {
	var a slipway.AttemptRecord
	var us int64
	err := r.Scan(&a.Job, &a.Index, &a.Attempt, &a.Outcome, &a.ExitCode, &a.Reason, &a.Invoker, maybeMoment{&a.StartedAt}, maybeMoment{&a.StoppedAt},
		&us, &a.MemoryPeakMB, &a.MemoryMB, maybeOutput{&a.Output})
	a.CPUSeconds = float64(us) / 1e6
	a.Lost = a.Outcome == slipway.AttemptLost
	return a, err
}

// maybeOutput reads a column of JSON that may be NULL.
type maybeOutput struct{ o **slipway.JobOutput }

// Scan implements sql.Scanner.
func (m maybeOutput) Scan(src any) error {
	*m.o = nil
	if src == nil {
		return nil
	}
	*m.o = new(slipway.JobOutput)
	return document{*m.o}.Scan(src)
}

func scanEnding(r row) (slipway.JobEnding, error) {
	var e slipway.JobEnding
	err := r.Scan(&e.Job, &e.From, &e.To, &e.Reason, moment{&e.At})
	return e, err
}
