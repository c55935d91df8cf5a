package slipway

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The bounds of jobs.
const (
	MaxArray        = 1_000_000 // children of an array
	MaxDependencies = 20        // of one job
	MaxInputsFrom   = 20        // jobs whose outputs another one gets
	MaxAttempts     = 10
	MaxExitRules    = 5
	MaxJobTimeout   = Duration(720 * time.Hour)
)

var jobNameRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)

// CheckJobName says whether name can name a job, a job definition, a queue or a compute
// environment: as in AWS Batch 1 to 128 letters, digits, hyphens and underscores, of which
// the first is a letter or a digit. what names the thing in the message.
func CheckJobName(what, name string) error {
	if jobNameRE.MatchString(name) {
		return nil
	}
	return Errorf(ErrInvalid, "%s: %q is not allowed; a name is 1 to 128 letters, digits, hyphens and underscores, and starts with a letter or a digit", what, name)
}

// SplitDefinition takes name and revision of "name:revision" apart; a name alone has the
// revision 0, which is the newest active one.
func SplitDefinition(text string) (name string, revision int, err error) {
	name, number, numbered := strings.Cut(text, ":")
	if err := CheckJobName("definition", name); err != nil {
		return "", 0, err
	}
	if !numbered {
		return name, 0, nil
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 1 {
		return "", 0, Errorf(ErrInvalid, "definition: %q is not allowed; what follows the colon is the number of a revision, from 1", text)
	}
	return name, int(n), nil
}

// ChildID is the id of a child of an array.
func ChildID(parent string, index int) string { return parent + ":" + strconv.Itoa(index) }

// SplitJobID takes parent and index of a child's id apart; the id of another job is its
// own, with the index -1.
func SplitJobID(id string) (parent string, index int, err error) {
	parent, number, child := strings.Cut(id, ":")
	if !child {
		return id, -1, nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= MaxArray || strconv.Itoa(n) != number {
		return "", 0, Errorf(ErrInvalid, "job: %q is not an id; what follows the colon is the index of a child, from 0", id)
	}
	return parent, n, nil
}

// Check says whether every field is within its bounds; the error is ErrInvalid and names
// the field, the value and the bound. Queue, definition and jobs may still not exist.
func (r JobRequest) Check() error {
	err := cmp.Or(
		CheckJobName("name", r.Name),
		CheckJobName("queue", r.Queue),
		r.checkArray(),
		r.checkDependencies(),
		r.checkInputs(),
		checkJobTimeout(r.Timeout),
		checkParameters(r.Parameters),
		checkWord("share", r.Share),
		within("priority", r.Priority, 0, 9999),
		checkWord("idempotency_key", r.IdempotencyKey),
		checkWord("limit_key", r.LimitKey),
		checkTags(r.Tags),
	)
	if err == nil {
		_, _, err = SplitDefinition(r.Definition)
	}
	if err == nil && r.Retry != nil {
		err = r.Retry.check()
	}
	if err == nil && r.Overrides != nil {
		err = r.Overrides.check()
	}
	return err
}

func (r JobRequest) checkArray() error {
	if r.Array == nil {
		return nil
	}
	return within("array.size", r.Array.Size, 2, MaxArray)
}

func (r JobRequest) checkDependencies() error {
	if len(r.DependsOn) > MaxDependencies {
		return Errorf(ErrInvalid, "depends_on: %d jobs are not allowed; %d at most", len(r.DependsOn), MaxDependencies)
	}
	for i, d := range r.DependsOn {
		if err := d.check(fmt.Sprintf("depends_on[%d]", i), r.Array != nil); err != nil {
			return err
		}
	}
	return nil
}

func (d JobDependency) check(field string, array bool) error {
	switch d.On {
	case "", OnSuccess, OnFailure, OnAny:
	default:
		return Errorf(ErrInvalid, "%s.on: %q is not allowed; it must be one of success, failure, any", field, d.On)
	}
	switch d.Type {
	case DependsWhole:
	case DependsSequential, DependsNToN:
		if !array {
			return Errorf(ErrInvalid, "%s.type: %s is for array jobs, and this job has no array", field, d.Type)
		}
	default:
		return Errorf(ErrInvalid, "%s.type: %q is not allowed; it must be SEQUENTIAL, N_TO_N or left out", field, d.Type)
	}
	if d.Type == DependsSequential {
		if d.Job != "" {
			return Errorf(ErrInvalid, "%s.job: %q is not allowed; children that wait for each other (SEQUENTIAL) are of the job itself, leave job out", field, d.Job)
		}
		return nil
	}
	if d.Job == "" {
		return Errorf(ErrInvalid, "%s.job: the id of a job is needed", field)
	}
	_, _, err := SplitJobID(d.Job)
	return err
}

func (r JobRequest) checkInputs() error {
	if r.Input != "" {
		if err := checkDigest("input", r.Input); err != nil {
			return err
		}
	}
	if len(r.InputFrom) > MaxInputsFrom {
		return Errorf(ErrInvalid, "input_from: %d jobs are not allowed; %d at most", len(r.InputFrom), MaxInputsFrom)
	}
	names := map[string]bool{}
	for i, in := range r.InputFrom {
		field := fmt.Sprintf("input_from[%d]", i)
		if !r.dependsOn(in.Job) {
			return Errorf(ErrInvalid, "%s.job: %q is not one of depends_on: the output of a job is there once that job has ended", field, in.Job)
		}
		if in.Name == "" {
			continue // the job's own name
		}
		if err := CheckJobName(field+".name", in.Name); err != nil {
			return err
		}
		if names[in.Name] {
			return Errorf(ErrInvalid, "%s.name: %q is not allowed; another one has it", field, in.Name)
		}
		names[in.Name] = true
	}
	return nil
}

func (r JobRequest) dependsOn(job string) bool {
	for _, d := range r.DependsOn {
		if d.Job == job && job != "" {
			return true
		}
	}
	return false
}

func (o JobOverrides) check() error {
	err := cmp.Or(
		checkWords("overrides.command", o.Command),
		checkArguments("overrides.arguments", o.Arguments),
		checkJobEnv("overrides.env", o.Env),
	)
	if err == nil && o.CPU != 0 {
		err = within("overrides.cpu", o.CPU, 0.05, 64)
	}
	if err == nil && o.MemoryMB != 0 {
		err = within("overrides.memory_mb", o.MemoryMB, 16, 65536)
	}
	return err
}

var digestRE = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func checkDigest(field, v string) error {
	if digestRE.MatchString(v) {
		return nil
	}
	return Errorf(ErrInvalid, "%s: %q is not a digest, which is sha256: and 64 hexadecimal digits", field, v)
}

func checkJobTimeout(v Duration) error {
	if v == 0 {
		return nil
	}
	return within("timeout", v, Duration(time.Second), MaxJobTimeout)
}

// maxArgs bounds a command line, so that execve cannot fail for it.
const maxArgs = 64 << 10

func checkWords(field string, words []string) error {
	if len(words) > 0 && words[0] == "" {
		return Errorf(ErrInvalid, "%s: the first word is the program and cannot be empty", field)
	}
	return checkArguments(field, words)
}

func checkArguments(field string, words []string) error {
	size := 0
	for _, word := range words {
		if err := checkNoNUL(field, word); err != nil {
			return err
		}
		size += len(word) + 1
	}
	if size > maxArgs {
		return Errorf(ErrInvalid, "%s: %d bytes; at most %d are allowed", field, size, maxArgs)
	}
	return nil
}

// checkJobEnv refuses what the platform says itself.
func checkJobEnv(field string, env map[string]string) error {
	for name := range env {
		for _, reserved := range []string{"SLIPWAY_JOB_", "AWS_BATCH_"} {
			if strings.HasPrefix(name, reserved) {
				return Errorf(ErrInvalid, "%s: %q is not allowed; names that begin with %s are the platform's", field, name, reserved)
			}
		}
	}
	return checkEnv(field, env)
}

func checkParameters(parameters map[string]string) error {
	size := 0
	for name, value := range parameters {
		if err := CheckJobName("parameters", name); err != nil {
			return err
		}
		if err := checkNoNUL("parameters."+name, value); err != nil {
			return err
		}
		size += len(name) + len(value)
	}
	if size > maxArgs {
		return Errorf(ErrInvalid, "parameters: %d bytes of names and values; at most %d are allowed", size, maxArgs)
	}
	return nil
}

// checkWord takes up to 128 printable characters of ASCII, or none.
func checkWord(field, v string) error {
	if len(v) > 128 {
		return Errorf(ErrInvalid, "%s: it has %d characters; at most 128 are allowed", field, len(v))
	}
	for _, r := range v {
		if r < ' ' || r > '~' {
			return Errorf(ErrInvalid, "%s: %q is not allowed; it must be printable ASCII", field, v)
		}
	}
	return nil
}
