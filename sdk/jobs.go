package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/slipway-run/slipway"
)

// SubmitJob submits a job. It is durable when the call returns. With an idempotency key a
// call that is repeated gives the job of the first.
func (c *Client) SubmitJob(ctx context.Context, r slipway.JobRequest) (slipway.Job, error) {
	return c.SubmitDocument(ctx, r)
}

// SubmitDocument is SubmitJob for anything that encoding/json makes a submission of.
func (c *Client) SubmitDocument(ctx context.Context, doc any) (slipway.Job, error) {
	var job slipway.Job
	err := c.do(ctx, http.MethodPost, "/v1/jobs", nil, doc, &job)
	return job, err
}

// SubmitJobs submits up to 10,000 jobs at once: all of them or, with an error, none.
func (c *Client) SubmitJobs(ctx context.Context, requests []slipway.JobRequest) ([]slipway.Job, error) {
	return c.SubmitDocuments(ctx, requests)
}

// SubmitDocuments is SubmitJobs for anything that encoding/json makes a list of
// submissions of.
func (c *Client) SubmitDocuments(ctx context.Context, docs any) ([]slipway.Job, error) {
	var list slipway.List[slipway.Job]
	err := c.do(ctx, http.MethodPost, "/v1/jobs", nil, map[string]any{"jobs": docs}, &list)
	return list.Items, err
}

// Job is one job. A child of an array is <id>:<index>.
func (c *Client) Job(ctx context.Context, id string) (slipway.Job, error) {
	var job slipway.Job
	err := c.do(ctx, http.MethodGet, path("v1", "jobs", id), nil, nil, &job)
	return job, err
}

// Jobs is one part of the list of jobs, newest first. Children of an array are listed
// with filter.Parent only.
func (c *Client) Jobs(ctx context.Context, filter slipway.JobFilter, page slipway.Page) (slipway.List[slipway.Job], error) {
	query := pageQuery(page)
	for name, value := range map[string]string{"queue": filter.Queue, "status": string(filter.Status), "name": filter.Name, "parent": filter.Parent} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var list slipway.List[slipway.Job]
	err := c.do(ctx, http.MethodGet, "/v1/jobs", query, nil, &list)
	return list, err
}

// AllJobs is every job that filter picks.
func (c *Client) AllJobs(ctx context.Context, filter slipway.JobFilter) ([]slipway.Job, error) {
	return all(func(p slipway.Page) (slipway.List[slipway.Job], error) { return c.Jobs(ctx, filter, p) })
}

// FollowJob calls each with the job as it is and whenever it has changed, until it has
// ended, and returns it as it is then. each may be nil.
func (c *Client) FollowJob(ctx context.Context, id string, each func(slipway.Job)) (job slipway.Job, err error) {
	err = c.followEvents(ctx, path("v1", "jobs", id), url.Values{}, "job", func(data []byte) error {
		job = slipway.Job{}
		if err := json.Unmarshal(data, &job); err != nil {
			return fmt.Errorf("read a change of the job: %w", err)
		}
		if each != nil {
			each(job)
		}
		return nil
	})
	if err == nil && !job.Status.Ended() {
		err = brokenStream(ctx, io.ErrUnexpectedEOF)
	}
	return job, err
}

// WaitJob returns the job when it has ended. It goes on through restarts of the gateway,
// for as long as ctx lets it.
func (c *Client) WaitJob(ctx context.Context, id string) (slipway.Job, error) {
	for {
		job, err := c.FollowJob(ctx, id, nil)
		if err == nil || ctx.Err() != nil || !errors.Is(err, slipway.ErrUnavailable) {
			return job, err
		}
		select {
		case <-time.After(time.Second): // not to hammer a gateway that is away
		case <-ctx.Done():
			return job, context.Cause(ctx)
		}
	}
}

// CancelJob ends a job that does not run yet; with an array its children that do not.
// reason may be empty.
func (c *Client) CancelJob(ctx context.Context, id, reason string) (slipway.Job, error) {
	return c.endJob(ctx, id, "cancel", reason)
}

// TerminateJob ends a job, also one that runs: SIGTERM, and SIGKILL 30 seconds later.
func (c *Client) TerminateJob(ctx context.Context, id, reason string) (slipway.Job, error) {
	return c.endJob(ctx, id, "terminate", reason)
}

func (c *Client) endJob(ctx context.Context, id, act, reason string) (slipway.Job, error) {
	var job slipway.Job
	err := c.do(ctx, http.MethodPost, path("v1", "jobs", id, act), nil, map[string]string{"reason": reason}, &job)
	return job, err
}

// ExplainJob says why a job waits, in numbers.
func (c *Client) ExplainJob(ctx context.Context, id string) (slipway.Explanation, error) {
	var e slipway.Explanation
	err := c.do(ctx, http.MethodGet, path("v1", "jobs", id, "explain"), nil, nil, &e)
	return e, err
}

// JobLogQuery says which lines of a job are wanted.
type JobLogQuery struct {
	Attempt int       // 0 is all
	Since   time.Time // zero is from the beginning
	Limit   int       // the newest lines at most, not with Follow; 0 is all
	Follow  bool      // goes on until the job has ended
}

// JobLogs calls each with every line that a job printed, oldest first; of an array with
// those of all its children.
func (c *Client) JobLogs(ctx context.Context, id string, q JobLogQuery, each func(slipway.JobLogLine) error) error {
	query := url.Values{}
	if q.Attempt > 0 {
		query.Set("attempt", fmt.Sprint(q.Attempt))
	}
	if !q.Since.IsZero() {
		query.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if q.Limit > 0 {
		query.Set("limit", fmt.Sprint(q.Limit))
	}
	target := path("v1", "jobs", id, "logs")
	if q.Follow {
		return c.followEvents(ctx, target, query, "log", func(data []byte) error {
			var line slipway.JobLogLine
			if err := json.Unmarshal(data, &line); err != nil {
				return fmt.Errorf("read a line of the log: %w", err)
			}
			return each(line)
		})
	}
	resp, err := c.send(ctx, call{method: http.MethodGet, path: target, query: query})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return eachJSON(resp.Body, each)
}

// JobOutput is what a job left in /job/output, as tar.gz; the caller closes it.
func (c *Client) JobOutput(ctx context.Context, id string) (io.ReadCloser, error) {
	resp, err := c.send(ctx, call{method: http.MethodGet, path: path("v1", "jobs", id, "output")})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// UploadInput uploads an archive (tar, tar.gz or zip) for /job/input, and returns the
// digest that submissions name. It is kept while jobs need it, and for a day.
func (c *Client) UploadInput(ctx context.Context, archive io.Reader, onUpload func(sent int64)) (digest string, err error) {
	resp, err := c.send(ctx, call{
		method: http.MethodPost, path: "/v1/blobs", header: http.Header{"Content-Type": {"application/octet-stream"}},
		body: &countingReader{r: archive, each: onUpload}, length: -1,
	})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var kept struct {
		Digest string `json:"digest"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&kept); err != nil {
		return "", fmt.Errorf("read the answer of %s: %w", c.url, err)
	}
	return kept.Digest, nil
}
