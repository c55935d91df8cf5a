package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// worker makes a function from whose image jobs are made: what its program does is said by
// its arguments.
func (p *platform) worker() {
	p.t.Helper()
	if res, body := p.api("PUT", "/v1/functions/worker", `{"protocol":"stdio","network":"none"}`); res.StatusCode >= 300 {
		p.t.Fatal(body)
	}
	p.deploy(source(p.t, map[string]string{
		"go.mod": "module example.com/worker\n\ngo 1.24\n",
		"main.go": `package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	d, _ := time.ParseDuration(os.Args[1])
	fmt.Println("child", os.Getenv("SLIPWAY_ARRAY_INDEX"), "attempt", os.Getenv("SLIPWAY_JOB_ATTEMPT"))
	if input, err := os.ReadFile("/job/input/word"); err == nil {
		fmt.Println("input", string(input))
	}
	os.WriteFile("/job/output/index", []byte(os.Getenv("SLIPWAY_ARRAY_INDEX")), 0o644)
	time.Sleep(d)
	if len(os.Args) > 2 && os.Getenv("SLIPWAY_ARRAY_INDEX") == os.Args[2] {
		os.Exit(7)
	}
}
`}), "worker")
	definition := `{"image":"worker","arguments":["1ms"],"cpu":0.1,"memory_mb":32,"network":"none","output_mb":1}`
	if res, body := p.api("PUT", "/v1/job-definitions/work", definition); res.StatusCode >= 300 {
		p.t.Fatal(body)
	}
}

// submit gives jobs to the platform.
func (p *platform) submit(request string) slipway.Job {
	p.t.Helper()
	res, body := p.api("POST", "/v1/jobs", request)
	var job slipway.Job
	if err := json.Unmarshal([]byte(body), &job); err != nil || res.StatusCode >= 300 {
		p.t.Fatalf("%s: %s", res.Status, body)
	}
	return job
}

// job is what the platform says of one.
func (p *platform) job(id string) slipway.Job {
	p.t.Helper()
	res, body := p.api("GET", "/v1/jobs/"+id, "")
	var job slipway.Job
	if err := json.Unmarshal([]byte(body), &job); err != nil || res.StatusCode >= 300 {
		p.t.Fatalf("%s: %s", res.Status, body)
	}
	return job
}

// finished waits for the end of a job.
func (p *platform) finished(id string) (job slipway.Job) {
	p.t.Helper()
	testenv.Eventually(p.t, 2*time.Minute, func() error {
		if job = p.job(id); !job.Status.Ended() {
			return fmt.Errorf("job %s is %s: %+v", id, job.Status, job.Array)
		}
		return nil
	})
	return job
}

// checkJob runs jobs that get something and leave something.
func (p *platform) checkJob() {
	p.t.Helper()
	p.worker()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	w.WriteHeader(&tar.Header{Name: "word", Mode: 0o644, Size: 5})
	io.WriteString(w, "given")
	w.Close()
	res, body := p.api("POST", "/v1/blobs", archive.String())
	var blob struct{ Digest string }
	if err := json.Unmarshal([]byte(body), &blob); err != nil || res.StatusCode != http.StatusCreated {
		p.t.Fatalf("%s: %s", res.Status, body)
	}
	array := p.submit(fmt.Sprintf(`{"name":"a","definition":"work","array":{"size":4},"input":%q}`, blob.Digest))
	p.finished(array.ID)
	for i := range 4 {
		id := fmt.Sprintf("%s:%d", array.ID, i)
		if job := p.job(id); job.Status != slipway.JobSucceeded || job.Output == nil || job.Output.Digest == "" {
			p.t.Errorf("%s: %s: %s, output %+v", id, job.Status, job.StatusReason, job.Output)
		}
		if _, body := p.api("GET", "/v1/jobs/"+id+"/logs", ""); !strings.Contains(body, "input given") {
			p.t.Errorf("%s printed %q", id, body)
		}
		if res, body := p.api("GET", "/v1/jobs/"+id+"/output", ""); res.StatusCode != http.StatusOK || !strings.HasPrefix(body, "\x1f\x8b") {
			p.t.Errorf("the output of %s: %s, %d bytes", id, res.Status, len(body))
		}
	}
}

// TestJobsRun: jobs go all the way from the API to sandboxes and back.
func TestJobsRun(t *testing.T) {
	p := boot(t)
	p.checkJob()
	array := p.submit(`{"name":"a","definition":"work","array":{"size":40},"overrides":{"arguments":["1ms","13"]}}`)
	if job := p.finished(array.ID); job.Status != slipway.JobFailed || job.Array.Counts[slipway.JobSucceeded] != 39 || job.Array.Counts[slipway.JobFailed] != 1 {
		t.Errorf("%s, %v", job.Status, job.Array.Counts)
	}
	failed := p.job(array.ID + ":13")
	if failed.Status != slipway.JobFailed || failed.ExitCode == nil || *failed.ExitCode != 7 || failed.Attempts[0].Reason != "Error: exit status 7" {
		t.Errorf("%+v", failed)
	}
	if failed.Attempts[0].MemoryPeakMB == 0 || failed.Attempts[0].StartedAt == nil || failed.Attempts[0].Invoker == "" {
		t.Errorf("%+v", failed.Attempts[0])
	}
	if failed.Output == nil || !strings.HasPrefix(failed.Output.Digest, "sha256:") {
		t.Errorf("output %+v", failed.Output)
	}
	if _, body := p.api("GET", "/v1/jobs/"+array.ID+":13/logs", ""); !strings.Contains(body, "child 13 attempt 1") {
		t.Errorf("the log of a job that has ended is %q", body)
	}
	long := p.submit(`{"name":"l","definition":"work","overrides":{"arguments":["1h"]}}`)
	testenv.Eventually(t, time.Minute, func() error {
		if job := p.job(long.ID); job.Status != slipway.JobRunning {
			return fmt.Errorf("it is %s", job.Status)
		}
		return nil
	})
	if res, body := p.api("POST", "/v1/jobs/"+long.ID+"/terminate", `{"reason":"not needed"}`); res.StatusCode >= 300 {
		t.Fatal(body)
	}
	if job := p.finished(long.ID); job.Status != slipway.JobFailed || job.Attempts[0].Reason != "Terminated: not needed" {
		t.Errorf("%s: %+v", job.Status, job.Attempts)
	}
	if status := p.stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if now := ownedBy(t, p.data); !now.empty() {
		t.Errorf("after stopping in order there is still %+v", now)
	}
}

// TestJobsKilled kills a server without warning while it runs jobs: the next one finishes
// them, each attempt has one outcome, and nothing is left.
func TestJobsKilled(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	address := freeAddress(t)
	server := startProcess(t, "serve", "--listen", address, "--data", data)
	p := &platform{t: t, url: server.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)
	p.worker()
	const children = 120
	array := p.submit(fmt.Sprintf(`{"name":"a","definition":"work","array":{"size":%d},"overrides":{"arguments":["100ms"]}}`, children))
	for round := range 3 {
		testenv.Eventually(t, time.Minute, func() error {
			if counts := p.job(array.ID).Array.Counts; counts[slipway.JobSucceeded] < 5*(round+1) || counts[slipway.JobRunning] == 0 {
				return fmt.Errorf("%v", counts)
			}
			return nil
		})
		left := ownedBy(t, data)
		server.end(syscall.SIGKILL)
		server = startProcess(t, "serve", "--listen", address, "--data", data)
		p.url = server.await("Slipway is ready at ")
		if still := alive(left.pids); len(still) > 0 {
			t.Errorf("processes %v outlived their server", still)
		}
	}
	if job := p.finished(array.ID); job.Status != slipway.JobSucceeded || job.Array.Counts[slipway.JobSucceeded] != children {
		t.Errorf("%s: %v", job.Status, job.Array.Counts)
	}
	lost := 0
	for i := range children {
		child := p.job(fmt.Sprintf("%s:%d", array.ID, i))
		for n, attempt := range child.Attempts {
			last := n == len(child.Attempts)-1
			if attempt.Attempt != n+1 || attempt.Lost == last || last && (attempt.ExitCode == nil || *attempt.ExitCode != 0) {
				t.Errorf("child %d: %+v", i, child.Attempts)
				break
			}
			if attempt.Lost {
				lost++
			}
		}
	}
	t.Logf("%d attempts were lost and made again", lost)
	if lost == 0 {
		t.Error("three kills under load lost no attempt; the test kills at the wrong moment")
	}
	if status := server.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d after SIGTERM", status)
	}
	if now := ownedBy(t, data); !now.empty() {
		t.Errorf("after stopping in order there is still %+v", now)
	}
}
