package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// fakeBatch takes every job and puts it into the store, where it stays as it is until the
// test says how it ends: package batch has the tests of the real one, and cmd/slipway
// those of both together.
type fakeBatch struct {
	w     *world
	lease slipway.JobLease

	mu      sync.Mutex
	refuse  error
	calls   []string
	records map[string]slipway.JobRecord
	watch   []chan struct{}
}

func (w *world) newBatch() *fakeBatch {
	b := &fakeBatch{w: w, records: map[string]slipway.JobRecord{}}
	lease, err := w.store.JobLease(w.t.Context())
	must(w.t, err)
	b.lease, err = w.store.TakeJobLease(w.t.Context(), "test", lease)
	must(w.t, err)
	return b
}

func (b *fakeBatch) Submit(ctx context.Context, tenant string, requests []slipway.JobRequest) ([]slipway.Job, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return nil, b.refuse
	}
	var records []slipway.JobRecord
	for _, r := range requests {
		records = append(records, slipway.JobRecord{ID: slipway.NewID(), Tenant: tenant, Request: r, CPU: 1, MemoryMB: 64, JobState: slipway.JobState{Status: slipway.JobRunnable}})
	}
	stored, _, err := b.w.store.AddJobs(ctx, records)
	if err != nil {
		return nil, err
	}
	var jobs []slipway.Job
	for _, r := range stored {
		b.records[r.ID] = r
		job, err := b.w.store.Job(ctx, tenant, r.ID)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	return jobs, nil
}

func (b *fakeBatch) Cancel(_ context.Context, tenant, id, reason string) error {
	return b.end("cancel", tenant, id, reason)
}

func (b *fakeBatch) Terminate(_ context.Context, tenant, id, reason string) error {
	return b.end("terminate", tenant, id, reason)
}

func (b *fakeBatch) end(what, tenant, id, reason string) error {
	b.mu.Lock()
	b.calls = append(b.calls, fmt.Sprintf("%s %s %s %q", what, tenant, id, reason))
	b.mu.Unlock()
	b.finish(id, slipway.JobFailed, reason)
	return nil
}

func (b *fakeBatch) Explain(_ context.Context, _, id string) (slipway.Explanation, error) {
	return slipway.Explanation{Job: id, Status: slipway.JobRunnable, Reason: "needs 64 MiB"}, nil
}

func (b *fakeBatch) Environments(context.Context, string, []slipway.ComputeEnvironment) error {
	return nil
}

func (b *fakeBatch) Watch(_, _ string) (<-chan struct{}, func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changes := make(chan struct{}, 1)
	b.watch = append(b.watch, changes)
	return changes, func() {}
}

// finish ends a job.
func (b *fakeBatch) finish(id string, status slipway.JobStatus, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.records[id]
	at := r.CreatedAt
	r.Status, r.Reason, r.StoppedAt, r.Failed = status, reason, &at, 1
	must(b.w.t, b.w.store.CommitJobs(context.Background(), b.lease.Epoch, slipway.JobChanges{States: []slipway.JobState{r.JobState}}))
	for _, changes := range b.watch {
		select {
		case changes <- struct{}{}:
		default:
		}
	}
}

func newJobsWorld(t *testing.T) (*world, *fakeBatch) {
	var b *fakeBatch
	w := newWorldWith(t, func(w *world, g *gateway.Gateway) {
		b = w.newBatch()
		g.UseBatch(b)
	})
	return w, b
}

func TestSubmit(t *testing.T) {
	w, _ := newJobsWorld(t)
	ctx := t.Context()

	resp, body := w.call("POST", "/v1/jobs", `{"definition":"words:1","array":{"size":3},"retry":{"evaluate_on_exit":[]}}`)
	check(t, resp, body, 201, `"queue":"default"`)
	var job slipway.Job
	must(t, json.Unmarshal([]byte(body), &job))
	if resp.Header.Get("Location") != "/v1/jobs/"+job.ID || job.Name != "words" || job.Array.Size != 3 || job.Retry.Attempts != 1 {
		t.Errorf("%s: %+v", resp.Header.Get("Location"), job)
	}

	jobs, err := w.api.SubmitJobs(ctx, []slipway.JobRequest{{Name: "a", Definition: "words:1"}, {Name: "b", Definition: "words:1"}})
	must(t, err)
	if len(jobs) != 2 || jobs[1].Name != "b" {
		t.Errorf("%+v", jobs)
	}
	resp, body = w.call("POST", "/v1/jobs", "{\"name\":\"c\",\"definition\":\"words:1\"}\n\n{\"name\":\"d\",\"definition\":\"words:1\"}\n", "Content-Type", "application/x-ndjson")
	check(t, resp, body, 201, `"name":"d"`)

	all, err := w.api.AllJobs(ctx, slipway.JobFilter{Queue: "default"})
	must(t, err)
	if len(all) != 5 || all[0].Name != "d" {
		t.Errorf("%d jobs, the newest is %q", len(all), all[0].Name)
	}
	children, err := w.api.AllJobs(ctx, slipway.JobFilter{Parent: job.ID})
	must(t, err)
	if len(children) != 3 || children[2].ID != job.ID+":2" {
		t.Errorf("children: %+v", children)
	}
	child, err := w.api.Job(ctx, job.ID+":2")
	must(t, err)
	if child.Array == nil || *child.Array.Index != 2 {
		t.Errorf("a child: %+v", child)
	}

	// The header stands for the field.
	for range 2 {
		resp, body = w.call("POST", "/v1/jobs", `{"definition":"words:1","name":"once"}`, "Idempotency-Key", "k")
		check(t, resp, body, 201, `"name":"once"`)
	}
	if once, err := w.api.AllJobs(ctx, slipway.JobFilter{Name: "onc*"}); err != nil || len(once) != 1 {
		t.Errorf("%d jobs of one key, %v", len(once), err)
	}
}

func TestSubmitRefused(t *testing.T) {
	w, b := newJobsWorld(t)
	dependencies := strings.Repeat(`{"job":"a"},`, 21)
	many := `{"jobs":[` + strings.TrimSuffix(strings.Repeat(`{"definition":"w"},`, 10_001), ",") + `]}`
	for _, c := range []struct{ body, say string }{
		{``, `the body is not the JSON`},
		{`[]`, `the body`},
		{`{}`, `definition: "" is not allowed`},
		{`{"definition":"w","queu":"x"}`, `queu`},
		{`{"definition":"w","queue":"a b"}`, `queue: "a b" is not allowed`},
		{`{"definition":"w:0"}`, `"w:0" is not allowed`},
		{`{"definition":"w","array":{"size":1000001}}`, `array.size: 1000001 is not allowed; it must be between 2 and 1000000`},
		{`{"definition":"w","array":{"size":99999999999999999999}}`, `array.size`},
		{`{"definition":"w","depends_on":[` + strings.TrimSuffix(dependencies, ",") + `]}`, `depends_on: 21 jobs are not allowed; 20 at most`},
		{`{"definition":"w","overrides":{"command":[""]}}`, `overrides.command: the first word is the program and cannot be empty`},
		{`{"definition":"w","overrides":{"command":["a\u0000b"]}}`, `overrides.command: a zero byte is not allowed`},
		{`{"definition":"w","overrides":{"memory_mb":1}}`, `overrides.memory_mb: 1 is not allowed`},
		{`{"definition":"w","input":"sha256:` + strings.Repeat("a", 64) + `"}`, `POST /v1/blobs`},
		{`{"definition":"w","idempotency_key":"other"}`, `the header Idempotency-Key says "k"`},
		{`{"jobs":[]}`, `jobs: none is given`},
		{`{"jobs":[{"definition":"w"},{"definition":"w","priority":-1}]}`, `jobs[1]: priority: -1 is not allowed`},
		{many, `jobs: 10001 at once are not allowed`},
	} {
		resp, body := w.call("POST", "/v1/jobs", c.body, "Idempotency-Key", "k")
		check(t, resp, body, 400, "")
		if !containsText(body, c.say) {
			t.Errorf("%.200s: %s, want %q", c.body, body, c.say)
		}
	}
	resp, body := w.call("POST", "/v1/jobs", "{\"definition\":\"w\"}\n{\"definitoin\":\"w\"}\n", "Content-Type", "application/x-ndjson")
	check(t, resp, body, 400, `jobs[1]`)
	resp, body = w.call("POST", "/v1/jobs", `{"definition":"w","tags":{"x":"`+strings.Repeat("y", 17<<20)+`"}}`)
	check(t, resp, body, 413, "16 MiB")
	if len(b.records) != 0 {
		t.Errorf("%d jobs were taken", len(b.records))
	}
	for path, say := range map[string]string{
		"/v1/jobs?status=DONE":           `status: \"DONE\" is not allowed`,
		"/v1/jobs?limit=0":               "limit",
		"/v1/jobs?cursor=!":              "cursor",
		"/v1/jobs/x?wait=1h":             `wait: \"1h\" is not allowed; it must be a duration between 1s and 10m0s`,
		"/v1/jobs/x:01":                  "is not an id",
		"/v1/jobs/x/logs?limit=x":        "limit",
		"/v1/jobs/x/logs?limit=5&follow": "limit: 5 is not allowed with follow",
	} {
		resp, body := w.call("GET", path, "")
		check(t, resp, body, 400, say)
	}
	resp, body = w.call("GET", "/v1/jobs/nobody", "")
	check(t, resp, body, 404, "nobody")
}

func TestJobsOfAnotherTenant(t *testing.T) {
	w, b := newJobsWorld(t)
	ctx := t.Context()
	other := w.tenant("other")
	job, err := w.api.SubmitJob(ctx, slipway.JobRequest{Name: "a", Definition: "w:1"})
	must(t, err)
	for what, err := range map[string]error{
		"show":      second(other.Job(ctx, job.ID)),
		"follow":    second(other.FollowJob(ctx, job.ID, nil)),
		"cancel":    second(other.CancelJob(ctx, job.ID, "")),
		"terminate": second(other.TerminateJob(ctx, job.ID, "")),
		"explain":   second(other.ExplainJob(ctx, job.ID)),
		"output":    second(other.JobOutput(ctx, job.ID)),
	} {
		if !errors.Is(err, slipway.ErrNotFound) {
			t.Errorf("%s another tenant's job: %v", what, err)
		}
	}
	if len(b.calls) != 0 {
		t.Errorf("calls: %q", b.calls)
	}
	if all, err := other.AllJobs(ctx, slipway.JobFilter{}); err != nil || len(all) != 0 {
		t.Errorf("%d jobs, %v", len(all), err)
	}
	// An upload belongs to its tenant.
	digest, err := w.api.UploadInput(ctx, strings.NewReader("an archive"), nil)
	must(t, err)
	if _, err := other.SubmitJob(ctx, slipway.JobRequest{Definition: "w:1", Input: digest}); !errors.Is(err, slipway.ErrInvalid) {
		t.Errorf("another tenant's upload: %v", err)
	}
	if _, err := w.api.SubmitJob(ctx, slipway.JobRequest{Definition: "w:1", Input: digest}); err != nil {
		t.Errorf("one's own upload: %v", err)
	}
}

func TestFollowAndWait(t *testing.T) {
	w, b := newJobsWorld(t)
	ctx := t.Context()
	job, err := w.api.SubmitJob(ctx, slipway.JobRequest{Name: "a", Definition: "w:1"})
	must(t, err)

	seen := make(chan slipway.JobStatus, 16)
	ended := make(chan error, 1)
	go func() {
		got, err := w.api.FollowJob(ctx, job.ID, func(j slipway.Job) { seen <- j.Status })
		if err == nil && got.StatusReason != "enough" {
			err = fmt.Errorf("it ended as %+v", got)
		}
		ended <- err
	}()
	waited := make(chan string, 1)
	go func() {
		_, body := w.call("GET", "/v1/jobs/"+job.ID+"?wait=5m", "")
		waited <- body
	}()
	if s := <-seen; s != slipway.JobRunnable {
		t.Errorf("at first it is %s", s)
	}
	testenv.Eventually(t, patience, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.watch) < 2 {
			return fmt.Errorf("%d watch", len(b.watch))
		}
		return nil
	})
	got, err := w.api.TerminateJob(ctx, job.ID, "enough")
	must(t, err)
	if got.Status != slipway.JobFailed || len(b.calls) != 1 || b.calls[0] != fmt.Sprintf("terminate default %s %q", job.ID, "enough") {
		t.Errorf("%+v, calls %q", got, b.calls)
	}
	must(t, <-ended)
	if s := <-seen; s != slipway.JobFailed {
		t.Errorf("at last it is %s", s)
	}
	if body := <-waited; !strings.Contains(body, `"status":"FAILED"`) {
		t.Errorf("who waited got %s", body)
	}
	// One that has ended is there at once.
	if got, err := w.api.WaitJob(ctx, job.ID); err != nil || got.Status != slipway.JobFailed {
		t.Errorf("%+v, %v", got, err)
	}
	e, err := w.api.ExplainJob(ctx, job.ID)
	must(t, err)
	if e.Reason != "needs 64 MiB" {
		t.Errorf("%+v", e)
	}
	resp, body := w.call("GET", "/v1/jobs/"+job.ID+"/output", "")
	check(t, resp, body, 404, "left nothing")
}

func TestUploadInput(t *testing.T) {
	w, _ := newJobsWorld(t)
	ctx := t.Context()
	var archive bytes.Buffer
	z := gzip.NewWriter(&archive)
	io.WriteString(z, "not a tar, which is for the job to find out")
	z.Close()
	sum := sha256.Sum256(archive.Bytes())
	for range 2 { // twice is once
		digest, err := w.api.UploadInput(ctx, bytes.NewReader(archive.Bytes()), nil)
		must(t, err)
		if digest != "sha256:"+hex.EncodeToString(sum[:]) {
			t.Errorf("digest %s", digest)
		}
	}
	if has, err := w.bus.Blobs().Has(ctx, "sha256:"+hex.EncodeToString(sum[:])); err != nil || !has {
		t.Errorf("it is kept: %v, %v", has, err)
	}
	resp, body := w.call("POST", "/v1/blobs", "")
	check(t, resp, body, 400, "the body is empty")
}

func TestUploadTooLarge(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config) { c.MaxUploadBytes = 10 })
	resp, body := w.call("POST", "/v1/blobs", "eleven bytes")
	check(t, resp, body, 413, "--max-upload-mb")
}
