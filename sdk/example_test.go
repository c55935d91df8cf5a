package sdk_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

// The examples run against the server that SLIPWAY_URL and SLIPWAY_KEY name; in the tests
// that is a real one.
func newClient() *sdk.Client {
	return sdk.New(os.Getenv("SLIPWAY_URL"), os.Getenv("SLIPWAY_KEY"))
}

// archive packs files as tar.gz.
func archive(files map[string]string) io.Reader {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range files {
		w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))})
		io.WriteString(w, content)
	}
	w.Close()
	z.Close()
	return &b
}

// Build a program into a job definition, run it once, and read what it printed.
func Example_job() {
	ctx, client := context.Background(), newClient()
	source := archive(map[string]string{"bootstrap": "#!/bin/sh\necho \"hello, $1\"\n"})
	definition, err := client.RegisterSource(ctx, "greet", source, sdk.Register{
		Patch: map[string]any{"memory_mb": 32, "timeout": "1m"},
	})
	if err != nil {
		log.Fatal(err)
	}
	job, err := client.SubmitJob(ctx, slipway.JobRequest{
		Definition: definition.Name,
		Overrides:  &slipway.JobOverrides{Arguments: []string{"world"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if job, err = client.WaitJob(ctx, job.ID); err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.Status, *job.ExitCode)
	client.JobLogs(ctx, job.ID, sdk.JobLogQuery{}, func(line slipway.JobLogLine) error {
		fmt.Println(line.Text)
		return nil
	})
	// Output:
	// SUCCEEDED 0
	// hello, world
}

// An array over uploaded input, and a job after all of its children that gets what they
// have left.
func Example_pipeline() {
	ctx, client := context.Background(), newClient()
	step := `#!/bin/sh
case $1 in
length) wc -c <"/job/input/$SLIPWAY_JOB_ARRAY_INDEX.txt" >/job/output/length ;;
sum)    n=0; for f in /job/deps/parts/*/length; do n=$((n + $(cat "$f"))); done; echo $n ;;
esac
`
	if _, err := client.RegisterSource(ctx, "step", archive(map[string]string{"bootstrap": step}), sdk.Register{}); err != nil {
		log.Fatal(err)
	}
	input, err := client.UploadInput(ctx, archive(map[string]string{"0.txt": "one", "1.txt": "two", "2.txt": "three"}), nil)
	if err != nil {
		log.Fatal(err)
	}
	parts, err := client.SubmitJob(ctx, slipway.JobRequest{
		Name: "parts", Definition: "step", Input: input, Array: &slipway.ArrayRequest{Size: 3},
		Overrides: &slipway.JobOverrides{Arguments: []string{"length"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	sum, err := client.SubmitJob(ctx, slipway.JobRequest{
		Name: "sum", Definition: "step",
		DependsOn: []slipway.JobDependency{{Job: parts.ID}},
		InputFrom: []slipway.JobInput{{Job: parts.ID}},
		Overrides: &slipway.JobOverrides{Arguments: []string{"sum"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Following calls back whenever something has changed: an array shows its counts.
	parts, err = client.FollowJob(ctx, parts.ID, func(j slipway.Job) {})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(parts.Status, parts.Array.Counts[slipway.JobSucceeded])
	if sum, err = client.WaitJob(ctx, sum.ID); err != nil {
		log.Fatal(err)
	}
	client.JobLogs(ctx, sum.ID, sdk.JobLogQuery{}, func(line slipway.JobLogLine) error {
		fmt.Println(strings.TrimSpace(line.Text))
		return nil
	})
	// Output:
	// SUCCEEDED 3
	// 11
}

// A queue with fair shares, and a job in it that waits for what does not exist.
func Example_queue() {
	ctx, client := context.Background(), newClient()
	queue, err := client.PutQueue(ctx, "teams", map[string]any{
		"priority": 5,
		"policy":   map[string]any{"type": "fair", "shares": map[string]float64{"a": 1, "b": 2}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(queue.Name, queue.Priority, queue.Policy.Type)
	if _, err := client.RegisterSource(ctx, "idle", archive(map[string]string{"bootstrap": "#!/bin/sh\n"}), sdk.Register{}); err != nil {
		log.Fatal(err)
	}
	job, err := client.SubmitJob(ctx, slipway.JobRequest{
		Definition: "idle", Queue: "teams", Share: "a", Timeout: slipway.Duration(time.Minute),
		Overrides: &slipway.JobOverrides{MemoryMB: 65536},
	})
	if err != nil {
		log.Fatal(err)
	}
	why, err := client.ExplainJob(ctx, job.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(why.Status.Ended(), why.Reason != "") // needs 65536 MiB, 17998 free on the roomiest invoker, …
	if job, err = client.CancelJob(ctx, job.ID, "it would wait for ever"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.Status, job.StatusReason)
	// Output:
	// teams 5 fair
	// false true
	// FAILED Cancelled: it would wait for ever
}
