package bus

import (
	"cmp"
	"context"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
)

// AllChildren as an index asks for the lines of every child of an array.
const AllChildren = -1

// JobLogs gives the lines of a job to f as [Bus.Logs] does those of a function. job is its
// id, of an array the parent's. index is that of a child, 0 when the job is no array, or
// AllChildren; attempt counts from 1, and 0 is every attempt.
func (b *Bus) JobLogs(ctx context.Context, tenant, job string, index, attempt int, q LogQuery, f func(slipway.JobLogLine) error) error {
	if err := cmp.Or(slipway.CheckName("tenant", tenant), slipway.CheckName("job", job)); err != nil {
		return err // no wildcards, which would read what others printed
	}
	t := jobTopic(tenant, job, max(index, 0))
	subject := t.subject()
	if index == AllChildren {
		subject = jobLogsSubject + tenant + "." + job + ".*"
	}
	return b.readLogs(ctx, jobLogsStream, subject, &logReader{
		topic: t, query: q, want: wanted(index, attempt),
		give: func(l slipway.LogLine) error { return f(jobLogLine(l)) },
	})
}

// wanted says whether a line is of a child and an attempt.
func wanted(index, attempt int) func(slipway.LogLine) bool {
	child := strconv.Itoa(index)
	return func(l slipway.LogLine) bool {
		return (index == AllChildren || l.Instance == child) && (attempt == 0 || l.Version == attempt)
	}
}

// DropJobLogs forgets what the attempts of a job printed.
func (b *Bus) DropJobLogs(ctx context.Context, tenant, job string) error {
	if err := cmp.Or(slipway.CheckName("tenant", tenant), slipway.CheckName("job", job)); err != nil {
		return err
	}
	stream, err := b.js.Stream(ctx, jobLogsStream)
	if err != nil {
		return b.natsError("drop the log of a job", err)
	}
	return b.natsError("drop the log of a job", stream.Purge(ctx, jetstream.WithPurgeSubject(jobLogsSubject+tenant+"."+job+".*")))
}

// jobLine is a line of a job in the terms of a batch: it has the fields of a function's.
func jobLine(l slipway.JobLogLine) slipway.LogLine {
	return slipway.LogLine{
		At: l.At, Tenant: l.Tenant, Function: l.Job, Version: l.Attempt,
		Instance: strconv.Itoa(l.Index), Stream: l.Stream, Text: l.Text,
	}
}

// jobLogLine is the reverse of jobLine.
func jobLogLine(l slipway.LogLine) slipway.JobLogLine {
	index, _ := strconv.Atoi(l.Instance) // as jobLine wrote it
	return slipway.JobLogLine{
		At: l.At, Tenant: l.Tenant, Job: l.Function, Index: index, Attempt: l.Version, Stream: l.Stream, Text: l.Text,
	}
}
