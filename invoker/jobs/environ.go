package jobs

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway"
)

// Where an attempt finds what it was given, and leaves what is to be kept.
const (
	inputFolder  = "/job/input"
	depsFolder   = "/job/deps"
	outputFolder = "/job/output"
)

// argv is the command line: the command, or the image's entrypoint, and the arguments.
// Without either the image's own command stands in the place of arguments.
func argv(w *work, image slipway.Image) []string {
	if len(w.Command) == 0 && len(w.Arguments) == 0 {
		return image.Argv(nil)
	}
	program := w.Command
	if len(program) == 0 {
		program = image.Entrypoint
	}
	return slices.Concat(program, w.Arguments)
}

// environ is the environment of an attempt: what an image may expect, the image's own, the
// job's, each winning over those before; and last what the platform says.
func environ(w *work, index int, image slipway.Image) []string {
	env := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC"}
	if image.User == "" {
		env["HOME"] = "/root"
	}
	for _, pair := range image.Env {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	maps.Copy(env, w.Env)
	describe(env, w, index)
	pairs := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		pairs = append(pairs, name+"="+env[name])
	}
	return pairs
}

// describe tells an attempt what it is. The second names are those of AWS Batch:
// https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html
func describe(env map[string]string, w *work, index int) {
	attempt := strconv.Itoa(w.Attempt)
	maps.Copy(env, map[string]string{
		"SLIPWAY_JOB_ID": jobID(w, index), "AWS_BATCH_JOB_ID": jobID(w, index),
		"SLIPWAY_JOB_ATTEMPT": attempt, "AWS_BATCH_JOB_ATTEMPT": attempt,
		"SLIPWAY_JOB_NAME":  w.Name,
		"SLIPWAY_JOB_QUEUE": w.Queue, "SLIPWAY_QUEUE": w.Queue, "AWS_BATCH_JQ_NAME": w.Queue,
		"SLIPWAY_COMPUTE_ENVIRONMENT": w.Environment, "AWS_BATCH_CE_NAME": w.Environment,
	})
	if w.Array > 0 {
		child, size := strconv.Itoa(index), strconv.Itoa(w.Array)
		maps.Copy(env, map[string]string{
			"SLIPWAY_JOB_ARRAY_INDEX": child, "SLIPWAY_ARRAY_INDEX": child, "AWS_BATCH_JOB_ARRAY_INDEX": child,
			"SLIPWAY_JOB_ARRAY_SIZE": size, "AWS_BATCH_JOB_ARRAY_SIZE": size,
		})
	}
}

// jobID is the id of the job, or of the child.
func jobID(w *work, index int) string {
	if w.Array == 0 {
		return w.Job
	}
	return fmt.Sprintf("%s:%d", w.Job, index)
}

// sandboxSpec says what the sandbox of an attempt is.
func (r *Runner) sandboxSpec(w *work, index int, image slipway.Image, mounts []slipway.Mount) slipway.SandboxSpec {
	return slipway.SandboxSpec{
		ID: slipway.NewID(), Layers: image.Layers, Mounts: mounts, Folders: []string{outputFolder},
		Args: argv(w, image), Env: environ(w, index, image), Dir: image.WorkingDir, User: image.User,
		CPU: w.CPU, MemoryMB: w.MemoryMB, EphemeralMB: w.EphemeralMB, PIDs: w.PIDs, OpenFiles: r.cfg.OpenFiles,
		Background: preemption(w) != slipway.PreemptNever, Network: w.Network, Isolation: w.Isolation,
	}
}
