package gateway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
)

// JobEngine takes jobs and decides when they run: package batch.
type JobEngine interface {
	// Submit accepts all of the requests or none; they are durable when it returns. An
	// error about one of them says which when there are several. A request whose
	// idempotency key is known gives the job that it made before.
	Submit(ctx context.Context, tenant string, requests []slipway.JobRequest) ([]slipway.Job, error)
	// Cancel ends a job that does not run yet, Terminate any. One that has ended stays as it
	// is.
	Cancel(ctx context.Context, tenant, id, reason string) error
	Terminate(ctx context.Context, tenant, id, reason string) error
	Explain(ctx context.Context, tenant, id string) (slipway.Explanation, error)
}

// Batch is the jobs, beside what the store knows of them.
type Batch interface {
	JobEngine
	JobNews
	Usage
}

// UseBatch gives the gateway who runs jobs. It is called once, before anything is served;
// without it the calls that need it are refused.
func (g *Gateway) UseBatch(b Batch) { g.batch = b }

// withBatch is a handler that is refused when nobody runs jobs.
func (g *Gateway) withBatch(handle func(*call) error) func(*call) error {
	return func(c *call) error {
		if g.batch == nil {
			return slipway.Errorf(slipway.ErrInvalid, "this gateway runs no jobs")
		}
		return handle(c)
	}
}

// Jobs are what became of submissions. Those of another tenant are not found.
type Jobs interface {
	Job(ctx context.Context, tenant, id string) (slipway.Job, error)
	Jobs(ctx context.Context, tenant string, filter slipway.JobFilter, page slipway.Page) (slipway.List[slipway.Job], error)
}

// The bounds of one submission.
const (
	maxJobsAtOnce = 10_000
	maxSubmission = 16 << 20 // bytes
)

// jobsBody is a submission of several jobs.
type jobsBody struct {
	Jobs []slipway.JobRequest `json:"jobs"`
}

// postJobs submits one job, or several: all of them or none.
func (g *Gateway) postJobs(c *call) error {
	requests, many, err := c.jobRequests()
	if err != nil {
		return err
	}
	for i := range requests {
		if err := settleRequest(&requests[i]); err != nil {
			return ofJob(i, many, err)
		}
	}
	if err := g.checkInputs(c, requests, many); err != nil {
		return err
	}
	jobs, err := g.batch.Submit(c.Request().Context(), c.tenant, requests)
	if err != nil {
		return err
	}
	if !many {
		c.Response().Header().Set("Location", "/v1/jobs/"+jobs[0].ID)
		return c.reply(http.StatusCreated, jobs[0])
	}
	return c.reply(http.StatusCreated, slipway.List[slipway.Job]{Items: jobs})
}

// settleRequest fills in what a submission leaves out, and refuses what cannot be.
func settleRequest(r *slipway.JobRequest) error {
	definition, _, err := slipway.SplitDefinition(r.Definition)
	if err != nil {
		return err
	}
	r.Name = cmp.Or(r.Name, definition)
	r.Queue = cmp.Or(r.Queue, slipway.DefaultQueue)
	if r.Retry != nil && r.Retry.Attempts == 0 {
		r.Retry.Attempts = 1
	}
	return r.Check()
}

// ofJob says of which of several jobs an error is.
func ofJob(i int, many bool, err error) error {
	var known *slipway.Error
	if !many || !errors.As(err, &known) {
		return err
	}
	told := *known
	told.Message, told.Cause = fmt.Sprintf("jobs[%d]: %s", i, known.Message), err
	return &told
}

// jobRequests reads the body: a job, {"jobs":[…]}, or NDJSON, one job a line.
func (c *call) jobRequests() (requests []slipway.JobRequest, many bool, err error) {
	doc, err := c.boundedDocument(maxSubmission)
	if err != nil {
		return nil, false, err
	}
	kind, _, _ := mime.ParseMediaType(c.Request().Header.Get("Content-Type")) // "" is JSON
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(doc, &fields) // strictJSON says what is wrong
	switch _, listed := fields["jobs"]; {
	case kind == ndjson:
		requests, err = readLines(doc)
		many = true
	case listed:
		var body jobsBody
		err = strictJSON(doc, &body)
		requests, many = body.Jobs, true
	default:
		requests = make([]slipway.JobRequest, 1)
		if err = strictJSON(doc, &requests[0]); err == nil {
			err = c.idempotencyKey(&requests[0])
		}
	}
	switch {
	case err != nil:
	case len(requests) == 0:
		err = slipway.Errorf(slipway.ErrInvalid, "jobs: none is given; a submission has 1 to %d", maxJobsAtOnce)
	case len(requests) > maxJobsAtOnce:
		err = slipway.Errorf(slipway.ErrInvalid, "jobs: %d at once are not allowed; %d at most. An array has up to %d children", len(requests), maxJobsAtOnce, slipway.MaxArray)
	}
	return requests, many, err
}

// idempotencyKey takes the header, which may stand instead of the field.
func (c *call) idempotencyKey(r *slipway.JobRequest) error {
	key := c.Request().Header.Get("Idempotency-Key")
	if key == "" || key == r.IdempotencyKey {
		return nil
	}
	if r.IdempotencyKey != "" {
		return slipway.Errorf(slipway.ErrInvalid, "idempotency_key: %q is not allowed; the header Idempotency-Key says %q", r.IdempotencyKey, key)
	}
	r.IdempotencyKey = key
	return nil
}

func readLines(doc []byte) ([]slipway.JobRequest, error) {
	var requests []slipway.JobRequest
	for line := range bytes.Lines(doc) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var r slipway.JobRequest
		if err := strictJSON(line, &r); err != nil {
			return nil, ofJob(len(requests), true, err)
		}
		requests = append(requests, r)
		if len(requests) > maxJobsAtOnce {
			break
		}
	}
	return requests, nil
}

func (g *Gateway) listJobs(c *call) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	filter := slipway.JobFilter{Queue: c.QueryParam("queue"), Status: slipway.JobStatus(c.QueryParam("status")), Name: c.QueryParam("name"), Parent: c.QueryParam("parent")}
	if err := checkFilter(filter); err != nil {
		return err
	}
	list, err := g.store.Jobs(c.Request().Context(), c.tenant, filter, page)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, list)
}

func checkFilter(f slipway.JobFilter) error {
	switch f.Status {
	case "", slipway.JobSubmitted, slipway.JobPending, slipway.JobRunnable, slipway.JobStarting, slipway.JobRunning, slipway.JobSucceeded, slipway.JobFailed:
		return nil
	}
	return slipway.Errorf(slipway.ErrInvalid, "status: %q is not allowed; it must be one of SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED, FAILED", f.Status)
}

// job is the job that the path names.
func (g *Gateway) job(c *call) (slipway.Job, error) {
	id := c.Param("id")
	if _, _, err := slipway.SplitJobID(id); err != nil {
		return slipway.Job{}, err
	}
	return g.store.Job(c.Request().Context(), c.tenant, id)
}

// getJob shows a job: at once, with wait when it has ended or after that long, and with
// follow every time that it changes, as Server-Sent Events.
func (g *Gateway) getJob(c *call) error {
	follow, err := c.flag("follow")
	if err != nil {
		return err
	}
	wait, err := c.duration("wait", time.Second, 10*time.Minute)
	if err != nil {
		return err
	}
	job, err := g.job(c)
	if err != nil {
		return err
	}
	switch {
	case follow:
		return g.followJob(c, job)
	case wait > 0:
		if job, err = g.awaitJob(c.Request().Context(), job, wait); err != nil {
			return err
		}
	}
	return c.reply(http.StatusOK, job)
}

// reasonBody says why a job is ended.
type reasonBody struct {
	Reason string `json:"reason"`
}

func (g *Gateway) cancelJob(c *call) error { return g.endJob(c, g.batch.Cancel) }

func (g *Gateway) terminateJob(c *call) error { return g.endJob(c, g.batch.Terminate) }

// endJob ends a job and answers with it as it is then. What runs ends within its grace.
func (g *Gateway) endJob(c *call, end func(ctx context.Context, tenant, id, reason string) error) error {
	var body reasonBody
	if err := c.decode(&body); err != nil {
		return err
	}
	if len(body.Reason) > 1024 {
		return slipway.Errorf(slipway.ErrInvalid, "reason: it has %d characters; at most 1024 are allowed", len(body.Reason))
	}
	job, err := g.job(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := end(ctx, c.tenant, job.ID, body.Reason); err != nil {
		return err
	}
	if job, err = g.store.Job(ctx, c.tenant, job.ID); err != nil {
		return err
	}
	return c.reply(http.StatusOK, job)
}

func (g *Gateway) explainJob(c *call) error {
	job, err := g.job(c)
	if err != nil {
		return err
	}
	explanation, err := g.batch.Explain(c.Request().Context(), c.tenant, job.ID)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, explanation)
}

// getJobOutput gives what a job left in /job/output, as tar.gz.
func (g *Gateway) getJobOutput(c *call) error {
	job, err := g.job(c)
	if err != nil {
		return err
	}
	switch {
	case job.Output == nil && job.Array != nil && job.Array.Index == nil:
		return slipway.Errorf(slipway.ErrInvalid, "job %s is an array: its children have outputs; ask for that of %s", job.ID, slipway.ChildID(job.ID, 0))
	case job.Output == nil && !job.Status.Ended():
		return slipway.Errorf(slipway.ErrNotFound, "job %s is %s: its output is there when it has ended", job.ID, job.Status)
	case job.Output == nil:
		return slipway.Errorf(slipway.ErrNotFound, "job %s left nothing in /job/output", job.ID)
	case job.Output.Digest == "":
		return slipway.Errorf(slipway.ErrNotFound, "the output of job %s was not kept: %s", job.ID, job.Output.Note)
	}
	body, size, err := g.uploads.blobs.Open(c.Request().Context(), job.Output.Digest)
	if err != nil {
		return err
	}
	defer body.Close()
	h := c.Response().Header()
	h.Set("Content-Type", "application/gzip")
	h.Set("Content-Length", fmt.Sprint(size))
	h.Set("X-Slipway-Attempt", fmt.Sprint(job.Output.Attempt))
	c.Response().WriteHeader(http.StatusOK)
	_, err = io.Copy(c.Response(), body)
	return err
}
