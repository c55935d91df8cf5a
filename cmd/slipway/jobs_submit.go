package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newJobsSubmitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "submit [DEFINITION[:REVISION]] [-- ARGUMENT…]",
		Short: "Submit a job, or those of a file; its id is printed",
		Long: `Submit a job, or those of a file; its id is printed.

A file (-f) holds a submission as REST takes it, in YAML or JSON; or a list of them below
jobs, of which all are accepted or none. Flags win over a file with one.

With --wait or --follow the exit status is the job's: 0 when it succeeded, the exit status
of its last attempt when that has one, 124 after a timeout, else 1. An array has 0 or 1.`,
		Example: `  slipway jobs submit words --array 200 --input texts --wait
  slipway jobs submit total --depends-on 0192… --input-from 0192…=words
  slipway jobs submit alarm --depends-on 0192…=failure -- --to me@example.com
  slipway jobs submit words --array 8 --depends-on 0192…:N_TO_N
  slipway jobs submit -f night.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				args = args[:at]
			}
			return cobra.MaximumNArgs(1)(cmd, args)
		},
		RunE: submitJobs,
	}
	f := cmd.Flags()
	f.String("queue", "", "that it waits in (default: default)")
	f.String("name", "", "of the job (default: the definition's)")
	f.Int("array", 0, "make an array of so many children, which learn their number in SLIPWAY_JOB_ARRAY_INDEX")
	f.StringArray("depends-on", nil, "ID[:N_TO_N][=success|failure|any], or SEQUENTIAL: what must end first")
	f.StringArray("input-from", nil, "ID[=NAME]: the output of a job that it depends on, in /job/deps/NAME")
	f.StringArray("param", nil, "NAME=VALUE: for Ref::NAME in the command line")
	f.StringArray("env", nil, "NAME=VALUE")
	f.Int("memory", 0, "MiB of memory, instead of the definition's")
	f.Float64("cpu", 0, "vCPUs, instead of the definition's")
	f.Duration("timeout", 0, "of an attempt, instead of the definition's")
	f.Int("retries", 0, "how often a failed attempt is tried again, 0 to 9, instead of the definition's")
	f.String("share", "", "of a fair queue")
	f.Int("priority", 0, "within the share, 0 to 9999, higher first")
	f.String("limit-key", "", "jobs with the same one are bounded together by the queue")
	f.String("input", "", "a folder, or an archive (tar, tar.gz or zip), that it gets in /job/input")
	f.String("idempotency-key", "", "a submission that is repeated with it gives the job of the first")
	f.Bool("wait", false, "until it has ended; the exit status is the job's")
	f.Bool("follow", false, "show what it prints until it has ended; the exit status is the job's")
	addFileFlag(cmd)
	addOutputFlag(cmd)
	return cmd
}

// submissionFields are the flags of submit in the document.
func submissionFields() map[string]field {
	return map[string]field{
		"queue": {"queue", asText}, "name": {"name", asText}, "array": {"array.size", asNumber},
		"depends-on": {"depends_on", asDependencies}, "input-from": {"input_from", asInputs},
		"param": {"parameters", asPairs}, "env": {"overrides.env", asPairs},
		"memory": {"overrides.memory_mb", asNumber}, "cpu": {"overrides.cpu", asNumber},
		"timeout": {"timeout", asText}, "retries": {"retry.attempts", asAttempts},
		"share": {"share", asText}, "priority": {"priority", asNumber}, "limit-key": {"limit_key", asText},
		"idempotency-key": {"idempotency_key", asText},
	}
}

func asDependencies(f *pflag.Flag) (any, error) {
	list, err := asList(f)
	if err != nil {
		return nil, err
	}
	dependencies := []any{}
	for _, text := range list.([]string) {
		d, err := parseDependency(text)
		if err != nil {
			return nil, err
		}
		dependencies = append(dependencies, d)
	}
	return dependencies, nil
}

// parseDependency reads ID[:N_TO_N][=CONDITION], or SEQUENTIAL. The id of a child has a
// colon itself.
func parseDependency(text string) (slipway.JobDependency, error) {
	id, condition, _ := strings.Cut(text, "=")
	d := slipway.JobDependency{Job: id, On: slipway.Condition(condition)}
	if id == string(slipway.DependsSequential) {
		d.Job, d.Type = "", slipway.DependsSequential
	} else if whole, ok := strings.CutSuffix(id, ":"+string(slipway.DependsNToN)); ok {
		d.Job, d.Type = whole, slipway.DependsNToN
	} else if id == "" {
		return d, fmt.Errorf("%q is not allowed; write ID, ID:N_TO_N or SEQUENTIAL, and =failure or =any behind it if need be", text)
	}
	return d, nil
}

func asInputs(f *pflag.Flag) (any, error) {
	list, err := asList(f)
	if err != nil {
		return nil, err
	}
	inputs := []any{}
	for _, text := range list.([]string) {
		id, name, _ := strings.Cut(text, "=")
		inputs = append(inputs, slipway.JobInput{Job: id, Name: name})
	}
	return inputs, nil
}

func submitJobs(cmd *cobra.Command, args []string) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	requests, many, err := submissions(cmd, args)
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	if err := uploadInput(cmd, client, requests); err != nil {
		return err
	}
	jobs, err := submitAll(cmd.Context(), client, requests, many)
	if err != nil {
		return err
	}
	follow, _ := cmd.Flags().GetBool("follow")
	wait, _ := cmd.Flags().GetBool("wait")
	if !asJSON && !follow { // what it prints is the command's output then
		for _, job := range jobs {
			fmt.Fprintln(cmd.OutOrStdout(), job.ID)
		}
	}
	switch {
	case follow && len(jobs) == 1:
		return followJob(cmd, client, jobs[0].ID)
	case follow || wait:
		return waitForJobs(cmd, client, ids(jobs))
	case asJSON && many:
		return writeJSON(cmd.OutOrStdout(), slipway.List[slipway.Job]{Items: jobs})
	case asJSON:
		return writeJSON(cmd.OutOrStdout(), jobs[0])
	}
	return nil
}

func ids(jobs []slipway.Job) []string {
	var all []string
	for _, job := range jobs {
		all = append(all, job.ID)
	}
	return all
}

// submissions are what the file, the arguments and the flags ask for.
func submissions(cmd *cobra.Command, args []string) (requests []map[string]any, many bool, err error) {
	doc, err := readDocument(cmd)
	if err != nil {
		return nil, false, err
	}
	if list, ok := doc["jobs"].([]any); ok && len(args) == 0 {
		for i, item := range list {
			request, ok := item.(map[string]any)
			if !ok {
				return nil, false, slipway.Errorf(slipway.ErrInvalid, "jobs[%d]: a job is expected, not %v", i, item)
			}
			requests = append(requests, request)
		}
		return requests, true, nil
	}
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		if err := setField(doc, "overrides.arguments", args[at:]); err != nil {
			return nil, false, err
		}
		args = args[:at]
	}
	if len(args) == 1 {
		doc["definition"] = args[0]
	}
	if doc["definition"] == nil {
		return nil, false, usageError{slipway.Errorf(slipway.ErrInvalid, "say what to run: the name of a job definition, or a file with -f; 'slipway definitions list' shows what there is")}
	}
	return []map[string]any{doc}, false, applyFlags(cmd, doc, submissionFields())
}

// submitAll sends what was asked for as it is, so that the gateway names every field
// that it does not know.
func submitAll(ctx context.Context, client *sdk.Client, requests []map[string]any, many bool) ([]slipway.Job, error) {
	if !many {
		job, err := client.SubmitDocument(ctx, requests[0])
		return []slipway.Job{job}, err
	}
	return client.SubmitDocuments(ctx, requests)
}

// uploadInput uploads what --input names, and has every submission that names nothing else
// get it.
func uploadInput(cmd *cobra.Command, client *sdk.Client, requests []map[string]any) error {
	name, err := cmd.Flags().GetString("input")
	if err != nil || name == "" {
		return err
	}
	archive, size, err := openInput(name)
	if err != nil {
		return err
	}
	defer archive.Close()
	view := newProgress(cmd.ErrOrStderr())
	digest, err := client.UploadInput(cmd.Context(), archive, func(sent int64) { view.upload(sent, max(size, sent)) })
	view.end(err == nil)
	if err != nil {
		return err
	}
	for _, r := range requests {
		if r["input"] == nil {
			r["input"] = digest
		}
	}
	return nil
}

// openInput is the archive of a folder, with everything that is in it, or a file.
func openInput(name string) (io.ReadCloser, int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, usageError{slipway.Errorf(slipway.ErrInvalid, "--input: %w", err)}
	}
	if !info.IsDir() {
		file, err := os.Open(name)
		return file, info.Size(), err
	}
	f, err := readWholeFolder(name)
	if err != nil {
		return nil, 0, err
	}
	return f.stream(func(int64) {}), f.size, nil
}
