package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

// maxGraphJobs is how many of the newest jobs are looked at for dependants.
const maxGraphJobs = 10_000

func newJobsGraphCommand() *cobra.Command {
	var dot bool
	cmd := &cobra.Command{
		Use:   "graph ID…",
		Short: "Draw what jobs wait for and what waits for them, as a tree or for Graphviz",
		Example: `  slipway jobs graph 0192…
  slipway jobs graph 0192… --dot | dot -Tsvg > jobs.svg`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			g, err := readGraph(cmd.Context(), client, args)
			if err != nil {
				return err
			}
			if dot {
				return g.writeDOT(cmd.OutOrStdout())
			}
			return g.writeTree(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&dot, "dot", false, "in the language of Graphviz")
	return cmd
}

// jobGraph is jobs and which wait for which.
type jobGraph struct {
	jobs  map[string]slipway.Job
	order []string             // ids, oldest first
	next  map[string][]waiting // by id: the jobs that wait for it
}

// waiting is a job that waits for another one.
type waiting struct {
	id string
	on slipway.JobDependency
}

// readGraph finds everything that is connected with the jobs.
func readGraph(ctx context.Context, client *sdk.Client, ids []string) (*jobGraph, error) {
	jobs := map[string]slipway.Job{}
	for _, id := range ids {
		parent, _, err := slipway.SplitJobID(id)
		if err == nil {
			jobs[parent], err = client.Job(ctx, parent)
		}
		if err != nil {
			return nil, err
		}
	}
	recent, err := recentJobs(ctx, client)
	if err != nil {
		return nil, err
	}
	for grown := true; grown; {
		n := len(jobs)
		if err := addDependencies(ctx, client, jobs, recent); err != nil {
			return nil, err
		}
		for id, job := range recent {
			if slices.ContainsFunc(job.DependsOn, func(d slipway.JobDependency) bool { _, in := jobs[parentOf(d)]; return in }) {
				jobs[id] = job
			}
		}
		grown = len(jobs) > n
	}
	return newJobGraph(jobs), nil
}

func recentJobs(ctx context.Context, client *sdk.Client) (map[string]slipway.Job, error) {
	recent := map[string]slipway.Job{}
	for page := (slipway.Page{Limit: 1000}); ; {
		part, err := client.Jobs(ctx, slipway.JobFilter{}, page)
		if err != nil {
			return nil, err
		}
		for _, job := range part.Items {
			recent[job.ID] = job
		}
		if page.Cursor = part.Next; page.Cursor == "" || len(recent) >= maxGraphJobs {
			return recent, nil
		}
	}
}

// addDependencies adds what jobs wait for. One that was forgotten is left out.
func addDependencies(ctx context.Context, client *sdk.Client, jobs, recent map[string]slipway.Job) error {
	for grown := true; grown; {
		grown = false
		for _, job := range jobs {
			for _, d := range job.DependsOn {
				id := parentOf(d)
				if _, in := jobs[id]; in || id == "" {
					continue
				}
				found, ok := recent[id]
				if !ok {
					var err error
					if found, err = client.Job(ctx, id); errors.Is(err, slipway.ErrNotFound) {
						found = slipway.Job{ID: id, Name: "forgotten"}
					} else if err != nil {
						return err
					}
				}
				jobs[id], grown = found, true
			}
		}
	}
	return nil
}

// parentOf is the job that a dependency names, the array of a child; "" with SEQUENTIAL.
func parentOf(d slipway.JobDependency) string {
	parent, _, _ := strings.Cut(d.Job, ":")
	return parent
}

func newJobGraph(jobs map[string]slipway.Job) *jobGraph {
	g := &jobGraph{jobs: jobs, next: map[string][]waiting{}}
	for id := range jobs {
		g.order = append(g.order, id)
	}
	slices.SortFunc(g.order, func(a, b string) int {
		if c := jobs[a].CreatedAt.Compare(jobs[b].CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	for _, id := range g.order {
		for _, d := range jobs[id].DependsOn {
			if parent := parentOf(d); parent != "" {
				g.next[parent] = append(g.next[parent], waiting{id, d})
			}
		}
	}
	return g
}

// label is a job for a person.
func label(j slipway.Job) string {
	text := j.Name
	if j.Array != nil {
		text += fmt.Sprintf("[%d]", j.Array.Size)
	}
	return strings.TrimSpace(text + " " + string(j.Status))
}

// edge is how a job waits for another one; "" is until that one has succeeded.
func edge(d slipway.JobDependency) string {
	var parts []string
	if _, child, ok := strings.Cut(d.Job, ":"); ok {
		parts = append(parts, "child "+child)
	}
	if d.Type != slipway.DependsWhole {
		parts = append(parts, string(d.Type))
	}
	if d.On != "" && d.On != slipway.OnSuccess {
		parts = append(parts, "on "+string(d.On))
	}
	return strings.Join(parts, ", ")
}

// writeTree writes what waits for a job below it. A job that waits for several is written
// in full once.
func (g *jobGraph) writeTree(w io.Writer) error {
	written := map[string]bool{}
	var b strings.Builder
	for _, id := range g.order {
		if slices.ContainsFunc(g.jobs[id].DependsOn, func(d slipway.JobDependency) bool { return parentOf(d) != "" }) {
			continue
		}
		fmt.Fprintf(&b, "%s  %s\n", label(g.jobs[id]), id)
		g.writeNext(&b, id, "", written)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (g *jobGraph) writeNext(b *strings.Builder, id, indent string, written map[string]bool) {
	written[id] = true
	for i, next := range g.next[id] {
		branch, below := "├─ ", "│  "
		if i == len(g.next[id])-1 {
			branch, below = "└─ ", "   "
		}
		text := label(g.jobs[next.id])
		if how := edge(next.on); how != "" {
			text = "(" + how + ") " + text
		}
		if written[next.id] {
			fmt.Fprintf(b, "%s%s%s  (see above)\n", indent, branch, text)
			continue
		}
		fmt.Fprintf(b, "%s%s%s  %s\n", indent, branch, text, next.id)
		g.writeNext(b, next.id, indent+below, written)
	}
}

// writeDOT writes the graph in the language of Graphviz.
func (g *jobGraph) writeDOT(w io.Writer) error {
	var b strings.Builder
	b.WriteString("digraph jobs {\n\trankdir=LR;\n\tnode [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n")
	for _, id := range g.order {
		j := g.jobs[id]
		fmt.Fprintf(&b, "\t%q [label=%q, fillcolor=%q];\n", id, label(j), dotColor(j.Status))
	}
	for _, id := range g.order {
		for _, next := range g.next[id] {
			fmt.Fprintf(&b, "\t%q -> %q [label=%q];\n", id, next.id, edge(next.on))
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func dotColor(s slipway.JobStatus) string {
	switch s {
	case slipway.JobSucceeded:
		return "palegreen"
	case slipway.JobFailed:
		return "salmon"
	case slipway.JobRunning, slipway.JobStarting:
		return "khaki"
	}
	return "white"
}
