package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/sdk"
)

// shellJobs registers the definition sh, which runs a shell with the job's arguments.
func (p *platform) shellJobs() {
	p.t.Helper()
	dir := source(p.t, map[string]string{"bootstrap": "#!/bin/sh\nexec /bin/sh \"$@\"\n"})
	if status, stdout, stderr := p.cli("definitions", "put", "sh", dir, "--memory", "32"); status != 0 {
		p.t.Fatalf("definitions put: %d\n%s%s", status, stdout, stderr)
	}
}

// shell is a submission of a shell script, with more fields.
func shell(script string, more string) string {
	quoted, _ := json.Marshal(script)
	return fmt.Sprintf(`{"definition":"sh","overrides":{"arguments":["-c",%s]}%s}`, quoted, more)
}

// TestJobsHostile submits what cannot be, asks for what is not there, and ends what has
// ended.
func TestJobsHostile(t *testing.T) {
	p := boot(t)
	p.shellJobs()
	long := strings.Repeat("x", 70<<10)
	child := p.submit(shell("true", `,"array":{"size":2}`))
	for name, c := range map[string]struct {
		request string
		status  int
		code    string
		say     string
	}{
		"an array of one":          {shell("true", `,"array":{"size":1}`), 400, "invalid", "array.size: 1 is not allowed; it must be between 2 and 1000000"},
		"too large an array":       {shell("true", `,"array":{"size":1000001}`), 400, "invalid", "array.size: 1000001"},
		"an empty command":         {`{"definition":"sh","overrides":{"command":[""]}}`, 400, "invalid", "overrides.command: the first word is the program and cannot be empty"},
		"a command with NULs":      {`{"definition":"sh","overrides":{"command":["/bin/sh","-c","a\u0000b"]}}`, 400, "invalid", "overrides.command: a zero byte"},
		"a long command":           {shell(long, ""), 400, "invalid", "overrides.arguments: "},
		"21 dependencies":          {shell("true", `,"depends_on":[`+strings.TrimSuffix(strings.Repeat(`{"job":"`+child.ID+`"},`, 21), ",")+`]`), 400, "invalid", "21 jobs are not allowed"},
		"a child that is not":      {shell("true", `,"depends_on":[{"job":"`+child.ID+`:2"}]`), 400, "invalid", "has 2 children"},
		"N_TO_N of another size":   {shell("true", `,"array":{"size":3},"depends_on":[{"job":"`+child.ID+`","type":"N_TO_N"}]`), 400, "invalid", "same size"},
		"a parameter that is not":  {`{"definition":"sh","overrides":{"arguments":["Ref::nothing"]}}`, 400, "invalid", "nothing"},
		"an unknown field":         {shell("true", `,"qeue":"x"`), 400, "invalid", "qeue"},
		"no such definition":       {`{"definition":"nobody"}`, 404, "not_found", "nobody"},
		"no such revision":         {`{"definition":"sh:9"}`, 404, "not_found", "revision 9"},
		"no such queue":            {shell("true", `,"queue":"nowhere"`), 404, "not_found", "nowhere"},
		"an upload that is not":    {shell("true", `,"input":"sha256:`+strings.Repeat("0", 64)+`"`), 400, "invalid", "POST /v1/blobs"},
		"output of somebody":       {shell("true", `,"input_from":[{"job":"`+child.ID+`"}]`), 400, "invalid", "is not one of depends_on"},
		"reserved names":           {`{"definition":"sh","overrides":{"env":{"AWS_BATCH_JOB_ID":"x"}}}`, 400, "invalid", "AWS_BATCH_"},
		"a time that is no time":   {shell("true", `,"timeout":"0.5s"`), 400, "invalid", "timeout: 500ms is not allowed"},
		"a document of 17 MiB":     {shell("true", `,"tags":{"x":"`+strings.Repeat("y", 17<<20)+`"}`), 413, "too_large", "16 MiB"},
		"half a document":          {`{"definition":"sh"`, 400, "invalid", ""},
		"several, of which one":    {`{"jobs":[{"definition":"sh"},{"definition":"nobody"}]}`, 404, "not_found", "jobs[1]: "},
		"a dependency on nobody":   {shell("true", `,"depends_on":[{"job":"nobody"}]`), 400, "invalid", "nobody"},
		"a dependency on itself":   {shell("true", `,"depends_on":[{"type":"SEQUENTIAL"}]`), 400, "invalid", "this job has no array"},
		"a queue with a bad name":  {shell("true", `,"queue":"../x"`), 400, "invalid", "queue: "},
		"a retry without an end":   {shell("true", `,"retry":{"attempts":100}`), 400, "invalid", "between 1 and 10"},
		"a pattern in the middle":  {shell("true", `,"retry":{"attempts":2,"evaluate_on_exit":[{"on_reason":"a*b","action":"RETRY"}]}`), 400, "invalid", "last character"},
		"more memory than there's": {`{"definition":"sh","overrides":{"memory_mb":65537}}`, 400, "invalid", "65537"},
	} {
		t.Run(name, func(t *testing.T) {
			res, body := p.api(http.MethodPost, "/v1/jobs", c.request)
			wantError(t, res, body, c.status, c.code, c.say)
		})
	}
	done := p.finished(child.ID)
	t.Run("ended twice", func(t *testing.T) {
		for _, act := range []string{"cancel", "terminate"} {
			for range 2 {
				res, body := p.api(http.MethodPost, "/v1/jobs/"+child.ID+"/"+act, `{"reason":"late"}`)
				var again slipway.Job
				if err := json.Unmarshal([]byte(body), &again); res.StatusCode != http.StatusOK || err != nil || again.Status != done.Status || again.StatusReason != done.StatusReason {
					t.Errorf("%s of one that has ended: %s: %s", act, res.Status, body)
				}
			}
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		for _, path := range []string{"/v1/jobs/nobody", "/v1/jobs/nobody/logs", "/v1/jobs/nobody/explain", "/v1/jobs/nobody/output", "/v1/jobs/" + child.ID + ":2", "/v1/jobs/" + child.ID + ":0/output"} {
			res, body := p.api(http.MethodGet, path, "")
			wantError(t, res, body, 404, "not_found", "")
		}
	})
	t.Run("a program that is not there", func(t *testing.T) {
		job := p.finished(p.submit(`{"definition":"sh","overrides":{"command":["/no/such/program"]},"retry":{"attempts":3,"evaluate_on_exit":[{"on_reason":"CannotStart: *","action":"EXIT"}]}}`).ID)
		if job.Status != slipway.JobFailed || len(job.Attempts) != 1 || !strings.HasPrefix(job.Attempts[0].Reason, slipway.ReasonCannotStart) {
			t.Errorf("%+v", job)
		}
	})
	t.Run("output that is too large", func(t *testing.T) {
		if _, _, stderr := p.cli("definitions", "put", "sh", "--output-mb", "1"); strings.Contains(stderr, "slipway:") {
			t.Fatal(stderr)
		}
		job := p.finished(p.submit(shell("head -c 2000000 /dev/urandom >/job/output/big", "")).ID)
		res, body := p.api(http.MethodGet, "/v1/jobs/"+job.ID+"/output", "")
		wantError(t, res, body, 404, "not_found", "was not kept: ")
	})
	t.Run("an archive that is none", func(t *testing.T) {
		res, body := p.api(http.MethodPost, "/v1/blobs", "this is no archive")
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s", res.Status, body)
		}
		var blob struct{ Digest string }
		if err := json.Unmarshal([]byte(body), &blob); err != nil {
			t.Fatal(err)
		}
		job := p.finished(p.submit(shell("true", `,"input":"`+blob.Digest+`"`)).ID)
		if job.Status != slipway.JobFailed || !strings.Contains(job.StatusReason, "archive") {
			t.Errorf("%+v", job)
		}
	})
}

// TestHugeArray submits the largest array there is, and ends it.
func TestHugeArray(t *testing.T) {
	p := boot(t)
	p.shellJobs()
	job := p.submit(shell("true", `,"array":{"size":1000000}`))
	last, err := sdk.New(p.url, p.key).Job(t.Context(), slipway.ChildID(job.ID, 999_999))
	if err != nil || last.Status.Ended() {
		t.Errorf("the last child: %+v, %v", last, err)
	}
	if status, _, stderr := p.cli("jobs", "terminate", job.ID, "--reason", "too many"); status != 0 {
		t.Fatal(stderr)
	}
	done := p.finished(job.ID)
	if done.Status != slipway.JobFailed || done.Array.Counts[slipway.JobSucceeded]+done.Array.Counts[slipway.JobFailed] != 1_000_000 {
		t.Errorf("%+v", done)
	}
}

// TestJobsOfTwoTenants has a tenant look for the other's things.
func TestJobsOfTwoTenants(t *testing.T) {
	p := boot(t)
	p.shellJobs()
	job := p.submit(shell("echo secret; echo secret >/job/output/x", ""))
	p.finished(job.ID)
	other := p.tenant("other")
	for _, path := range []string{"", "/logs", "/explain", "/output", "?follow=true"} {
		res, body := other.api(http.MethodGet, "/v1/jobs/"+job.ID+path, "")
		wantError(t, res, body, 404, "not_found", "")
	}
	for _, act := range []string{"cancel", "terminate"} {
		res, body := other.api(http.MethodPost, "/v1/jobs/"+job.ID+"/"+act, "")
		wantError(t, res, body, 404, "not_found", "")
	}
	res, body := other.api(http.MethodPost, "/v1/jobs", `{"definition":"sh"}`)
	wantError(t, res, body, 404, "not_found", `"sh"`)
	res, body = other.api(http.MethodGet, "/v1/jobs", "")
	if res.StatusCode != http.StatusOK || !strings.Contains(body, `"items":[]`) {
		t.Errorf("%s: %s", res.Status, body)
	}
}

// tenant makes a tenant; what is asked of the platform that it gives is asked on its behalf.
func (p *platform) tenant(name string) *platform {
	p.t.Helper()
	api := sdk.New(p.url, p.key)
	if _, err := api.PutTenant(p.t.Context(), name, 0); err != nil {
		p.t.Fatal(err)
	}
	res, body := p.api(http.MethodPost, "/v1/keys", `{"tenant":"`+name+`"}`)
	var key slipway.Key
	if err := json.Unmarshal([]byte(body), &key); err != nil || key.Secret == "" {
		p.t.Fatalf("%s: %s", res.Status, body)
	}
	return &platform{t: p.t, url: p.url, key: key.Secret, data: p.data, log: p.log}
}

// TestPipeline runs the example with fewer children: an array over real text, a total
// that gets more memory after it ran out of it, a check that fails on purpose, and what
// waits for that.
func TestPipeline(t *testing.T) {
	testenv.Root(t)
	p := boot(t)
	t.Setenv("SLIPWAY_URL", p.url)
	t.Setenv("SLIPWAY_KEY", p.key)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join("..", "..", "examples", "pipeline", "run.sh")
	cmd := exec.CommandContext(t.Context(), "sh", script, filepath.Join(strings.TrimSpace(string(root)), "src", "cmd"), "8")
	cmd.Env = os.Environ()
	said, err := cmd.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := sdk.New(p.url, p.key).AllJobs(t.Context(), slipway.JobFilter{})
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]slipway.Job{}
	for _, job := range jobs {
		byName[job.Name] = p.finished(job.ID)
	}
	for _, name := range []string{"count", "total", "report", "alarm"} {
		if byName[name].Status != slipway.JobSucceeded {
			t.Errorf("%s: %+v", name, byName[name])
		}
	}
	total := byName["total"].Attempts
	if len(total) != 2 || !strings.HasPrefix(total[0].Reason, slipway.ReasonOutOfMemory) || total[0].MemoryMB != 16 || total[1].MemoryMB != 256 {
		t.Errorf("total: %+v", total)
	}
	if check := byName["check"]; check.Status != slipway.JobFailed || *check.ExitCode != 3 || len(check.Attempts) != 1 {
		t.Errorf("check: %+v", check)
	}
	for _, text := range []string{"func", "└─ (on failure) alarm SUCCEEDED", "count[8] SUCCEEDED", "OutOfMemory: "} {
		if !strings.Contains(string(said), text) {
			t.Errorf("the output has no %q", text)
		}
	}
}

// TestOutputsChildByChild has each child of an array get what the child with its own index
// of another array has left.
func TestOutputsChildByChild(t *testing.T) {
	p := boot(t)
	p.shellJobs()
	first := p.submit(shell("echo part $SLIPWAY_JOB_ARRAY_INDEX >/job/output/it", `,"name":"first","array":{"size":3}`))
	second := p.submit(shell("cat /job/deps/first/it; ls /job/deps/first | wc -l", `,"array":{"size":3},"depends_on":[{"job":"`+first.ID+`","type":"N_TO_N"}],"input_from":[{"job":"`+first.ID+`"}]`))
	if done := p.finished(second.ID); done.Status != slipway.JobSucceeded {
		t.Errorf("%+v", done)
	}
	for i := range 3 {
		_, stdout, _ := p.cli("jobs", "logs", slipway.ChildID(second.ID, i))
		if !strings.Contains(stdout, fmt.Sprintf("stdout: part %d\n", i)) || !strings.Contains(stdout, "stdout: 1\n") {
			t.Errorf("child %d printed %q", i, stdout)
		}
	}
}

// TestJobOfADeletedFunction runs a definition whose function is gone: its image is kept.
func TestJobOfADeletedFunction(t *testing.T) {
	p := boot(t)
	p.deploy(source(t, map[string]string{"bootstrap": "#!/bin/sh\necho gone\n", "slipway.yaml": "protocol: stdio\n"}), "gone")
	if status, _, stderr := p.cli("definitions", "put", "kept", "--image", "gone"); status != 0 {
		t.Fatal(stderr)
	}
	if res, body := p.api(http.MethodDelete, "/v1/functions/gone", ""); res.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s", res.Status, body)
	}
	status, stdout, stderr := p.cli("jobs", "submit", "kept", "--follow")
	if status != 0 || !strings.Contains(stdout, "gone") {
		t.Errorf("exit status %d: %s%s", status, stdout, stderr)
	}
}
