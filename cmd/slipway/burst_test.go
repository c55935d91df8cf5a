package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// deployWorker deploys a program that uses the processor, as a function and as a job: the
// job definition "burn" runs it for a while.
func (p *platform) deployWorker(t *testing.T, config, definition string) {
	t.Helper()
	p.configure(t, "work", config)
	p.deploy(example(t, "../bench/burst/program", "."), "work")
	p.must(t, "PUT", "/v1/job-definitions/burn", definition, nil)
}

// must makes a call of the API, and decodes the answer into out.
func (p *platform) must(t *testing.T, method, path, body string, out any) {
	t.Helper()
	res, answer := p.api(method, path, body)
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	if out != nil {
		if err := json.Unmarshal([]byte(answer), out); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, answer)
		}
	}
}

// awaitJob waits until a job is as wanted.
func (p *platform) awaitJob(t *testing.T, id string, wanted func(slipway.Job) error) (j slipway.Job) {
	t.Helper()
	testenv.Eventually(t, time.Minute, func() error {
		j = slipway.Job{}
		p.must(t, "GET", "/v1/jobs/"+id, "", &j)
		return wanted(j)
	})
	return j
}

// counts wants so many children in a status.
func counts(status slipway.JobStatus, n int) func(slipway.Job) error {
	return func(j slipway.Job) error {
		if j.Array == nil || j.Array.Counts[status] != n {
			return fmt.Errorf("want %d children %s: %+v", n, status, j.Array)
		}
		return nil
	}
}

// children are those of an array, by index.
func (p *platform) children(t *testing.T, parent string, n int) (all []slipway.Job) {
	t.Helper()
	for i := range n {
		var j slipway.Job
		p.must(t, "GET", fmt.Sprintf("/v1/jobs/%s:%d", parent, i), "", &j)
		all = append(all, j)
	}
	return all
}

// frozenJobs is how many jobs stand still on all invokers.
func (p *platform) frozenJobs(t *testing.T) (n int) {
	t.Helper()
	for _, raw := range p.invokers(t) {
		var state slipway.InvokerState
		if err := json.Unmarshal(raw, &state); err != nil {
			t.Fatal(err)
		}
		if state.Jobs != nil {
			n += state.Jobs.Frozen
		}
	}
	return n
}

// burst sends requests with so many clients until stop is called, which gives an error for
// each that was not answered with 200.
func (p *platform) burst(path string, clients int) (stop func() error) {
	done := make(chan struct{})
	failures := make([]error, clients)
	var sending sync.WaitGroup
	for i := range clients {
		sending.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if res, body := p.event("GET", path, ""); res.StatusCode != http.StatusOK {
					failures[i] = fmt.Errorf("%s: %s", res.Status, body)
					return
				}
			}
		})
	}
	return func() error {
		close(done)
		sending.Wait()
		return errors.Join(failures...)
	}
}

// TestJobsStandStill: jobs fill the machine; a burst of requests has it, and the jobs go on
// after it, as if nothing had been.
func TestJobsStandStill(t *testing.T) {
	p := boot(t)
	n := runtime.NumCPU()
	p.deployWorker(t, fmt.Sprintf(`{"cpu":1,"memory_mb":64,"scaling":{"concurrency":1,"min":%d,"max":%d}}`, n, n),
		`{"image":"work","arguments":["burn","2s"],"cpu":1,"memory_mb":64}`)
	p.awaitIdle(t, "work", 1, n)
	size := max(2, n)
	var job slipway.Job
	p.must(t, "POST", "/v1/jobs", fmt.Sprintf(`{"definition":"burn","array":{"size":%d}}`, size), &job)
	p.awaitJob(t, job.ID, counts(slipway.JobRunning, size))

	stop := p.burst("/fn/work/?ms=20", n)
	testenv.Eventually(t, 30*time.Second, func() error {
		if still := p.frozenJobs(t); still != size {
			return fmt.Errorf("%d of %d jobs stand still", still, size)
		}
		return nil
	})
	p.awaitJob(t, job.ID+":0", func(j slipway.Job) error {
		var why slipway.Explanation
		p.must(t, "GET", "/v1/jobs/"+j.ID+"/explain", "", &why)
		if !strings.Contains(j.StatusReason, "stands still since") || !strings.Contains(why.Reason, "functions need the machine") {
			return fmt.Errorf("it is said %q, and explained %q", j.StatusReason, why.Reason)
		}
		return nil
	})
	if err := stop(); err != nil {
		t.Errorf("while jobs stood still: %v", err)
	}
	p.awaitJob(t, job.ID, counts(slipway.JobSucceeded, size))
	for _, child := range p.children(t, job.ID, size) {
		if len(child.Attempts) != 1 || child.Attempts[0].Lost {
			t.Errorf("child %s has the attempts %+v, want one", child.ID, child.Attempts)
		}
	}
	if still := p.frozenJobs(t); still != 0 {
		t.Errorf("%d jobs stand still that have ended", still)
	}
}

// TestJobsMakeRoom: jobs have all the memory, and can be put back; an event gets what it
// needs of it, and the jobs that gave it run again.
func TestJobsMakeRoom(t *testing.T) {
	p := boot(t, "--memory-mb", "256")
	p.deployWorker(t, `{"cpu":0.25,"memory_mb":128,"scaling":{"idle_min":"1s","idle_timeout":"1s"},"release":{"window":"0s"}}`,
		`{"image":"work","arguments":["burn","1s"],"cpu":0.25,"memory_mb":64}`)
	p.awaitIdle(t, "work", 1, 0)
	p.must(t, "PUT", "/v1/queues/low", `{"priority":-1,"preemption":"requeue"}`, nil)
	var job slipway.Job
	p.must(t, "POST", "/v1/jobs", `{"queue":"low","definition":"burn","array":{"size":4}}`, &job)
	p.awaitJob(t, job.ID, counts(slipway.JobRunning, 4))

	res, body := p.event("GET", "/fn/work/?ms=1", "")
	checkAnswer(t, res, body, "Hello\n")
	p.awaitJob(t, job.ID, counts(slipway.JobSucceeded, 4))
	again := 0
	for _, child := range p.children(t, job.ID, 4) {
		last := child.Attempts[len(child.Attempts)-1]
		switch {
		case len(child.Attempts) == 1:
		case len(child.Attempts) == 2 && child.Attempts[0].Lost && child.Attempts[0].Reason == "Returned: functions need its memory" && last.Attempt == 2:
			again++
		default:
			t.Errorf("child %s has the attempts %+v", child.ID, child.Attempts)
		}
		if last.ExitCode == nil || *last.ExitCode != 0 {
			t.Errorf("child %s ended with %+v", child.ID, last)
		}
	}
	if again != 2 {
		t.Errorf("%d of 4 jobs of 64 MiB ran again for an instance of 128 MiB, want 2", again)
	}
}

// TestNothingIsLost has events come again and again that need the memory of jobs: each is
// answered, and each job succeeds once, after as many attempts as it takes.
func TestNothingIsLost(t *testing.T) {
	p := boot(t, "--memory-mb", "256")
	p.deployWorker(t, `{"cpu":0.25,"memory_mb":192,"scaling":{"idle_min":"1s","idle_timeout":"1s"},"release":{"window":"0s"}}`,
		`{"image":"work","arguments":["burn","300ms"],"cpu":0.25,"memory_mb":64}`)
	p.must(t, "PUT", "/v1/queues/low", `{"priority":-1,"preemption":"requeue"}`, nil)
	const size = 12
	var job slipway.Job
	p.must(t, "POST", "/v1/jobs", fmt.Sprintf(`{"queue":"low","definition":"burn","array":{"size":%d}}`, size), &job)
	events := 0
	p.awaitJob(t, job.ID, func(j slipway.Job) error {
		if j.Status.Ended() {
			return nil
		}
		if j.Array.Counts[slipway.JobRunning] > 1 { // the function has no instance: there is no room for both
			res, body := p.event("GET", "/fn/work/?ms=1", "")
			checkAnswer(t, res, body, "Hello\n")
			events++
		}
		return errors.New("it runs")
	})
	returned := 0
	for _, child := range p.children(t, job.ID, size) {
		last := len(child.Attempts) - 1
		for i, a := range child.Attempts {
			switch {
			case a.Attempt != i+1, i < last && !a.Lost, i == last && (a.Lost || a.ExitCode == nil || *a.ExitCode != 0):
				t.Errorf("child %s has the attempts %+v", child.ID, child.Attempts)
			case i < last:
				returned++
			}
		}
		if child.Status != slipway.JobSucceeded {
			t.Errorf("child %s is %s: %s", child.ID, child.Status, child.StatusReason)
		}
	}
	if returned == 0 || events == 0 {
		t.Errorf("%d attempts were put back for %d events: nothing was tried", returned, events)
	}
}
