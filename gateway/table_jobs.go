package gateway

import "github.com/slipway-run/slipway"

var (
	reading = []param{
		query("since", "string", "RFC 3339, or how long ago, as in 10m"),
		query("limit", "integer", "the newest lines at most"),
	}
	registering = []param{
		query("wait", "boolean", "stream the build as Server-Sent Events: build, step, log, progress, then definition or error"),
		{definitionHeader, "header", "string", "a partial job definition in JSON, for the revision that the build makes"},
	}
	picking = []param{
		query("queue", "string", "of this queue"),
		query("status", "string", "SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED or FAILED"),
		query("name", "string", "with this name; a trailing * matches any rest"),
		query("parent", "string", "children of this array; they are listed with it only"),
	}
)

// jobCalls are about jobs and what they run in.
func (g *Gateway) jobCalls() []apiCall {
	type jobs = slipway.List[slipway.Job]
	const job = "/v1/jobs/:id"
	key := param{"Idempotency-Key", "header", "string", "as the field idempotency_key, of a submission of one job"}
	waiting := []param{
		query("wait", "string", "answer when the job has ended, or after so long: 1s to 10m"),
		query("follow", "boolean", "stream the job as Server-Sent Events, as often as it changes, until it has ended"),
	}
	logs := append([]param{query("attempt", "integer", "of this attempt only, from 1"), query("follow", "boolean", "stream as Server-Sent Events until the job has ended; not with limit")}, reading...)
	return []apiCall{
		{method: "POST", path: "/v1/jobs", scope: admin, summary: "Submit a job; or several, all or none, as {\"jobs\":[…]} or NDJSON, which are answered with a list", query: []param{key}, takes: slipway.JobRequest{}, status: 201, gives: slipway.Job{}, handle: g.withBatch(g.postJobs)},
		{method: "GET", path: "/v1/jobs", scope: admin, summary: "List jobs, newest first", query: append(picking, paging...), status: 200, gives: jobs{}, handle: g.listJobs},
		{method: "GET", path: job, scope: admin, summary: "Show a job; a child of an array is <id>:<index>", query: waiting, status: 200, gives: slipway.Job{}, stream: sse, handle: g.withBatch(g.getJob)},
		{method: "POST", path: job + "/cancel", scope: admin, summary: "End a job that does not run yet", takes: reasonBody{}, status: 200, gives: slipway.Job{}, handle: g.withBatch(g.cancelJob)},
		{method: "POST", path: job + "/terminate", scope: admin, summary: "End a job, also one that runs", takes: reasonBody{}, status: 200, gives: slipway.Job{}, handle: g.withBatch(g.terminateJob)},
		{method: "GET", path: job + "/logs", scope: admin, summary: "What a job printed; of an array what all its children printed", query: logs, status: 200, gives: slipway.JobLogLine{}, stream: ndjson, handle: g.withBatch(g.getJobLogs)},
		{method: "GET", path: job + "/explain", scope: admin, summary: "Why a job waits, in numbers", status: 200, gives: slipway.Explanation{}, handle: g.withBatch(g.explainJob)},
		{method: "GET", path: job + "/output", scope: admin, summary: "What a job left in /job/output, as tar.gz", status: 200, stream: "application/gzip", handle: g.getJobOutput},
		{method: "POST", path: "/v1/blobs", scope: admin, summary: "Upload an archive for /job/input; kept while jobs need it, and a day", binary: "tar, tar.gz or zip", status: 201, gives: blobBody{}, handle: g.postBlob},
	}
}

// queueCalls are about queues and compute environments.
func (g *Gateway) queueCalls() []apiCall {
	type queues = slipway.List[slipway.Queue]
	type environments = slipway.List[slipway.ComputeEnvironment]
	const queue, environment = "/v1/queues/:name", "/v1/compute-environments/:name"
	return []apiCall{
		{method: "PUT", path: queue, scope: admin, summary: "Make a queue, or lay a partial document over its own", takes: slipway.Queue{}, status: 200, gives: slipway.Queue{}, handle: g.putQueue},
		{method: "GET", path: "/v1/queues", scope: admin, summary: "List queues by name", status: 200, gives: queues{}, handle: g.listQueues},
		{method: "GET", path: queue, scope: admin, summary: "Show a queue", status: 200, gives: slipway.Queue{}, handle: g.getQueue},
		{method: "DELETE", path: queue, scope: admin, summary: "Delete a queue that has no jobs which have not ended", status: 204, handle: g.deleteQueue},
		{method: "PUT", path: environment, scope: admin, summary: "Make a compute environment, or lay a partial document over its own", takes: slipway.ComputeEnvironment{}, status: 200, gives: slipway.ComputeEnvironment{}, handle: g.putEnvironment},
		{method: "GET", path: "/v1/compute-environments", scope: admin, summary: "List compute environments by name", status: 200, gives: environments{}, handle: g.listEnvironments},
		{method: "GET", path: environment, scope: admin, summary: "Show a compute environment", status: 200, gives: slipway.ComputeEnvironment{}, handle: g.getEnvironment},
		{method: "DELETE", path: environment, scope: admin, summary: "Delete a compute environment that no queue uses", status: 204, handle: g.deleteEnvironment},
	}
}

// definitionCalls are about job definitions.
func (g *Gateway) definitionCalls() []apiCall {
	type definitions = slipway.List[slipway.JobDefinition]
	const definition = "/v1/job-definitions/:name"
	return []apiCall{
		{method: "PUT", path: definition, scope: admin, summary: "Register a revision: the newest active one with a partial document laid over it", takes: slipway.JobDefinition{}, status: 201, gives: slipway.JobDefinition{}, handle: g.putDefinition},
		{method: "GET", path: "/v1/job-definitions", scope: admin, summary: "List active revisions by name, newest first; of one name the inactive ones too", query: []param{query("name", "string", "all revisions of this one")}, status: 200, gives: definitions{}, handle: g.listDefinitions},
		{method: "GET", path: definition, scope: admin, summary: "Show a revision: <name>:<revision>, or the newest active one", status: 200, gives: slipway.JobDefinition{}, handle: g.getDefinition},
		{method: "DELETE", path: definition, scope: admin, summary: "Take a revision out of use, <name>:<revision>, or all; jobs that were submitted still run", status: 204, handle: g.deleteDefinition},
		{method: "POST", path: definition + "/source", scope: admin, summary: "Build a program from source, and register a revision that runs it", query: append(registering, building...), binary: "tar, tar.gz or zip of a folder of source", status: 202, gives: slipway.Build{}, stream: sse, handle: g.postDefinitionSource},
		{method: "POST", path: definition + "/image", scope: admin, summary: "Take an image, and register a revision that runs it", query: registering, takes: imageBody{}, binary: "OCI layout or docker save archive", status: 202, gives: slipway.Build{}, stream: sse, handle: g.postDefinitionImage},
	}
}
