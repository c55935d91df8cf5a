package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/bench/rig"
)

func main() {
	var p pipeline
	flag.StringVar(&p.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.StringVar(&p.source, "source", "examples/pipeline", "the folder of the program")
	flag.StringVar(&p.texts, "texts", "", "the folder whose words are counted (default: the source of Go's library)")
	flag.IntVar(&p.children, "children", 200, "children of the array")
	flag.StringVar(&p.svg, "svg", "", "write the timeline to this file")
	flag.Parse()
	rig.Main(p.run)
}

type pipeline struct {
	binary, source, texts, svg string
	children                   int
	server                     *rig.Server
}

func (p *pipeline) run(ctx context.Context, w io.Writer) error {
	if p.texts == "" {
		root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return fmt.Errorf("find Go's source: %w; or name a folder with -texts", err)
		}
		p.texts = filepath.Join(strings.TrimSpace(string(root)), "src")
	}
	var err error
	if p.server, err = rig.Start(ctx, p.binary); err != nil {
		return err
	}
	defer p.server.Stop()
	steps, err := p.submit(ctx, w)
	if err != nil {
		return err
	}
	jobs, err := p.await(ctx, w, steps)
	if err != nil {
		return err
	}
	if err := check(jobs); err != nil {
		return err
	}
	tree, err := p.say(ctx, "jobs", "graph", jobs[0].ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s\n", tree)
	return p.draw(ctx, w, jobs)
}

// submit registers the program and submits the steps; their ids come in this order: count,
// total, report, check, alarm.
func (p *pipeline) submit(ctx context.Context, w io.Writer) (ids []string, err error) {
	if _, err := p.say(ctx, "definitions", "put", "pipeline", p.source); err != nil {
		return nil, err
	}
	fmt.Fprintf(w, "Counting the words of %s with %d jobs\n", p.texts, p.children)
	id := func(i int) string { return ids[i] }
	for _, step := range []func() []string{
		func() []string {
			return []string{"count", "--array", strconv.Itoa(p.children), "--input", p.texts, "--", "count"}
		},
		func() []string {
			return []string{"total", "--memory", "16", "--depends-on", id(0), "--input-from", id(0), "--", "total"}
		},
		func() []string {
			return []string{"report", "--depends-on", id(1), "--input-from", id(1), "--", "report"}
		},
		func() []string {
			return []string{"check", "--depends-on", id(1), "--input-from", id(1), "--", "check", "1000000000"}
		},
		func() []string { return []string{"alarm", "--depends-on", id(3) + "=failure", "--", "alarm"} },
	} {
		said, err := p.say(ctx, append([]string{"jobs", "submit", "pipeline", "--name"}, step()...)...)
		if err != nil {
			return nil, err
		}
		lines := strings.Fields(said)
		ids = append(ids, lines[len(lines)-1])
	}
	return ids, nil
}

// say types a command; its error has what the command said.
func (p *pipeline) say(ctx context.Context, args ...string) (string, error) {
	said, err := p.server.Command(ctx, args...)
	if err != nil {
		return "", fmt.Errorf("slipway %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return string(said), nil
}

// await waits for all steps; of the array it gives the children, too.
func (p *pipeline) await(ctx context.Context, w io.Writer, ids []string) (jobs []slipway.Job, err error) {
	for _, id := range ids {
		var job slipway.Job
		for !job.Status.Ended() {
			if err := p.server.API(ctx, "GET", "/v1/jobs/"+id+"?wait=1m", "", &job); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(w, "%-8s %s %s\n", job.Name, job.Status, job.StatusReason)
		jobs = append(jobs, job)
	}
	return jobs, nil
}

// check says whether every step ended as it is meant to.
func check(jobs []slipway.Job) error {
	count, total, failing := jobs[0], jobs[1], jobs[3]
	for _, job := range []slipway.Job{count, total, jobs[2], jobs[4]} {
		if job.Status != slipway.JobSucceeded {
			return fmt.Errorf("%s is %s: %s", job.Name, job.Status, job.StatusReason)
		}
	}
	if len(total.Attempts) != 2 || !strings.HasPrefix(total.Attempts[0].Reason, slipway.ReasonOutOfMemory) || total.Attempts[1].MemoryMB <= total.Attempts[0].MemoryMB {
		return fmt.Errorf("total was to run out of memory once: %+v", total.Attempts)
	}
	if failing.Status != slipway.JobFailed || failing.ExitCode == nil || *failing.ExitCode != 3 || len(failing.Attempts) != 1 {
		doc, _ := json.Marshal(failing) // for a person
		return fmt.Errorf("check was to fail once, with exit status 3: %s", doc)
	}
	return nil
}

// draw writes the timeline.
func (p *pipeline) draw(ctx context.Context, w io.Writer, jobs []slipway.Job) error {
	if p.svg == "" {
		return nil
	}
	children, err := p.childrenOf(ctx, jobs[0].ID)
	if err != nil {
		return err
	}
	file, err := os.Create(p.svg)
	if err != nil {
		return err
	}
	t := newTimeline(jobs, children)
	if err := t.write(file); err != nil {
		return err
	}
	fmt.Fprintf(w, "The timeline is in %s\n", p.svg)
	return file.Close()
}

// childrenOf is the children of the array, with their attempts.
func (p *pipeline) childrenOf(ctx context.Context, parent string) (all []slipway.Job, err error) {
	for cursor := ""; ; {
		var list slipway.List[slipway.Job]
		if err := p.server.API(ctx, "GET", "/v1/jobs?limit=1000&parent="+parent+"&cursor="+cursor, "", &list); err != nil {
			return nil, err
		}
		all = append(all, list.Items...)
		if cursor = list.Next; cursor == "" {
			return all, nil
		}
	}
}
