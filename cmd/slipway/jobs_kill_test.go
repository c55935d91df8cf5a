package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

var (
	killedJobs = flag.Int("killed-jobs", 300, "how many jobs TestJobKills runs")
	jobKills   = flag.Int("job-kills", 3, "how often TestJobKills kills its server")
)

// TestJobKills runs jobs, most of them children of an array and the rest one by one, and
// kills the server without warning again and again: each job ends well, none is lost, and
// each attempt has exactly one outcome. What ran twice has a number of the attempt to show
// for it: no attempt prints twice.
func TestJobKills(t *testing.T) {
	data, address := filepath.Join(t.TempDir(), "data"), freeAddress(t)
	start := func() *process {
		return startProcess(t, "serve", "--listen", address, "--data", data, "--log-level", "warn")
	}
	server := start()
	p := &platform{t: t, url: server.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)
	p.worker()
	size := *killedJobs * 3 / 4
	parent := p.submit(fmt.Sprintf(`{"name":"a","definition":"work","array":{"size":%d}}`, size))
	s := &jobSender{t: t, url: p.url, key: p.key}
	var sending sync.WaitGroup
	for n := range 4 {
		sending.Go(func() { s.send(n, (*killedJobs-size)/4) })
	}
	for k := range *jobKills {
		testenv.Eventually(t, 10*time.Minute, func() error {
			if c := p.job(parent.ID).Array.Counts; c[slipway.JobSucceeded] < size*(k+1)/(*jobKills+2) {
				return fmt.Errorf("%v of %d", c, size)
			}
			return nil
		})
		<-time.After(rand.N(200 * time.Millisecond)) // any moment will do: this is no condition to wait for
		server.end(syscall.SIGKILL)
		server = start()
		p.url = server.await("Slipway is ready at ")
	}
	sending.Wait()
	check := jobAccount{t: t}
	testenv.Eventually(t, 10*time.Minute, func() error {
		if job := p.job(parent.ID); !job.Status.Ended() {
			return fmt.Errorf("the array is %s: %v", job.Status, job.Array.Counts)
		}
		return nil
	})
	for _, child := range p.allChildren(parent.ID) {
		check.add(child)
	}
	for _, id := range s.ids {
		check.add(p.finished(id))
	}
	if check.jobs != size+len(s.ids) || len(s.ids) != (*killedJobs-size)/4*4 {
		t.Errorf("%d jobs are there, %d were accepted one by one and %d as an array", check.jobs, len(s.ids), size)
	}
	twice := p.printedTwice(parent.ID)
	t.Logf("%d kills: %d jobs, %d attempts, of which %d were lost in %d jobs; %d attempts printed twice", *jobKills, check.jobs, check.attempts, check.lost, check.again, twice)
	if twice > 0 {
		t.Errorf("%d attempts ran twice", twice)
	}
	if status := server.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d after SIGTERM", status)
	}
	if now := ownedBy(t, data); !now.empty() {
		t.Errorf("after stopping in order there is still %+v", now)
	}
}

// jobSender submits jobs through all that happens to the server, each until it was
// accepted: a key makes sure that it is once.
type jobSender struct {
	t        *testing.T
	url, key string

	mu  sync.Mutex
	ids []string
}

func (s *jobSender) send(sender, n int) {
	for i := range n {
		body := fmt.Sprintf(`{"name":"s","definition":"work","idempotency_key":"%d-%d"}`, sender, i)
		testenv.Eventually(s.t, 5*time.Minute, func() error { return s.one(body) })
	}
}

func (s *jobSender) one(body string) error {
	req, err := http.NewRequestWithContext(s.t.Context(), "POST", s.url+"/v1/jobs", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var job slipway.Job
	if err := json.NewDecoder(res.Body).Decode(&job); err != nil || res.StatusCode >= 300 {
		return fmt.Errorf("%s: %v", res.Status, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, job.ID)
	return nil
}

// allChildren are the children of an array with their attempts.
func (p *platform) allChildren(parent string) (all []slipway.Job) {
	for cursor := ""; ; {
		res, body := p.api("GET", "/v1/jobs?limit=1000&parent="+parent+"&cursor="+url.QueryEscape(cursor), "")
		var list slipway.List[slipway.Job]
		if err := json.Unmarshal([]byte(body), &list); err != nil || res.StatusCode >= 300 {
			p.t.Fatalf("%s: %s", res.Status, body)
		}
		all = append(all, list.Items...)
		if cursor = list.Next; cursor == "" {
			return all
		}
	}
}

// jobAccount adds up what became of jobs that can only succeed.
type jobAccount struct {
	t                           *testing.T
	jobs, attempts, lost, again int
}

func (a *jobAccount) add(j slipway.Job) {
	a.jobs++
	a.attempts += len(j.Attempts)
	if len(j.Attempts) > 1 {
		a.again++
	}
	if j.Status != slipway.JobSucceeded || len(j.Attempts) == 0 {
		a.t.Errorf("job %s is %s (%s) after %d attempts", j.ID, j.Status, j.StatusReason, len(j.Attempts))
		return
	}
	for i, attempt := range j.Attempts {
		last := i == len(j.Attempts)-1
		if attempt.Lost {
			a.lost++
		}
		if attempt.Attempt != i+1 || attempt.Lost == last || last && (attempt.ExitCode == nil || *attempt.ExitCode != 0) {
			a.t.Errorf("job %s has the attempts %+v", j.ID, j.Attempts)
			return
		}
	}
}

// printedTwice is how many attempts of an array's children printed their line more than
// once.
func (p *platform) printedTwice(parent string) (twice int) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "GET", p.url+"/v1/jobs/"+parent+"/logs", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	seen := map[string]int{}
	for dec := json.NewDecoder(res.Body); ; {
		var line slipway.JobLogLine
		if err := dec.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			p.t.Fatal(err)
		}
		if line.Stream == "stdout" {
			key := fmt.Sprint(line.Index, "/", line.Attempt)
			if seen[key]++; seen[key] == 2 {
				twice++
			}
		}
	}
	if len(seen) == 0 {
		p.t.Error("nothing was printed")
	}
	return twice
}
