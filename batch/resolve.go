package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/slipway-run/slipway"
)

// resolver finds what requests name, each name once for a group of submissions.
type resolver struct {
	ctx         context.Context
	store       Store
	queues      map[[2]string]known[slipway.Queue]
	definitions map[[2]string]known[slipway.JobDefinition]
}

type known[T any] struct {
	v   T
	err error
}

func (r *resolver) queue(tenant, name string) (slipway.Queue, error) {
	key := [2]string{tenant, name}
	k, ok := r.queues[key]
	if !ok {
		k.v, k.err = r.store.Queue(r.ctx, tenant, name)
		r.queues[key] = k
	}
	return k.v, k.err
}

func (r *resolver) definition(tenant, text string) (slipway.JobDefinition, error) {
	key := [2]string{tenant, text}
	k, ok := r.definitions[key]
	if !ok {
		name, revision, err := slipway.SplitDefinition(text)
		if k.err = err; err == nil {
			k.v, k.err = r.store.Definition(r.ctx, tenant, name, revision)
		}
		if k.err == nil && !k.v.Active {
			k.err = slipway.Errorf(slipway.ErrConflict, "definition: revision %d of %q is not active; name another one", k.v.Revision, k.v.Name)
		}
		r.definitions[key] = k
	}
	return k.v, k.err
}

// resolve makes records of a submission.
func (r *resolver) resolve(s submission, now time.Time) ([]slipway.JobRecord, error) {
	records := make([]slipway.JobRecord, 0, len(s.requests))
	for i, q := range s.requests {
		record, err := r.record(s.tenant, q, now)
		if err != nil {
			return nil, which(err, i, len(s.requests))
		}
		records = append(records, record)
	}
	return records, nil
}

func (r *resolver) record(tenant string, q slipway.JobRequest, now time.Time) (slipway.JobRecord, error) {
	queue, err := r.queue(tenant, q.Queue)
	if err != nil {
		return slipway.JobRecord{}, err
	}
	if queue.State == slipway.Disabled {
		return slipway.JobRecord{}, slipway.Errorf(slipway.ErrConflict, "queue %q is disabled and takes no new jobs; enable it, or choose another one", q.Queue)
	}
	d, err := r.definition(tenant, q.Definition)
	if err != nil {
		return slipway.JobRecord{}, err
	}
	if err := r.dependencies(tenant, q); err != nil {
		return slipway.JobRecord{}, err
	}
	if err := parametersOf(q, d).check(commandOf(q, d)); err != nil {
		return slipway.JobRecord{}, err
	}
	q.Definition = fmt.Sprintf("%s:%d", d.Name, d.Revision)
	q.Timeout = cmp.Or(q.Timeout, d.Timeout)
	if q.Retry == nil && (d.Retry.Attempts > 1 || len(d.Retry.EvaluateOnExit) > 0) {
		q.Retry = &d.Retry
	}
	if q.Retry != nil && q.Retry.Attempts == 0 {
		q.Retry.Attempts = 1
	}
	o := slipway.JobOverrides{}
	if q.Overrides != nil {
		o = *q.Overrides
	}
	return slipway.JobRecord{
		ID: slipway.NewID(), Tenant: tenant, Request: q, CreatedAt: now,
		CPU: cmp.Or(o.CPU, d.CPU), MemoryMB: cmp.Or(o.MemoryMB, d.MemoryMB),
		JobState: slipway.JobState{Status: slipway.JobSubmitted},
	}, nil
}

// dependencies says whether the jobs that a request depends on are there, and of the
// right shape.
func (r *resolver) dependencies(tenant string, q slipway.JobRequest) error {
	for i, d := range q.DependsOn {
		if d.Type == slipway.DependsSequential {
			continue
		}
		parent, child, err := slipway.SplitJobID(d.Job)
		if err != nil {
			return err
		}
		other, err := r.store.JobRecord(r.ctx, tenant, parent)
		if errors.Is(err, slipway.ErrNotFound) {
			return slipway.Errorf(slipway.ErrInvalid, "depends_on[%d].job: job %q does not exist", i, d.Job)
		}
		if err != nil {
			return err
		}
		size := 0
		if other.Request.Array != nil {
			size = other.Request.Array.Size
		}
		switch {
		case child >= size:
			return slipway.Errorf(slipway.ErrInvalid, "depends_on[%d].job: %q does not exist; job %s has %d children", i, d.Job, parent, size)
		case d.Type == slipway.DependsNToN && (child >= 0 || size != q.Array.Size):
			return slipway.Errorf(slipway.ErrInvalid, "depends_on[%d]: N_TO_N needs an array of the same size, %d; job %s has %d children", i, q.Array.Size, d.Job, size)
		}
	}
	return nil
}

// parameters are the values of Ref::name.
type parameters map[string]string

func parametersOf(q slipway.JobRequest, d slipway.JobDefinition) parameters {
	p := parameters{}
	for k, v := range d.Parameters {
		p[k] = v
	}
	for k, v := range q.Parameters {
		p[k] = v
	}
	return p
}

// commandOf is command and arguments in force, with the references in them.
func commandOf(q slipway.JobRequest, d slipway.JobDefinition) (command, arguments []string) {
	command, arguments = d.Command, d.Arguments
	if o := q.Overrides; o != nil {
		if o.Command != nil {
			command = o.Command
		}
		if o.Arguments != nil {
			arguments = o.Arguments
		}
	}
	return command, arguments
}

var reference = regexp.MustCompile(`Ref::[A-Za-z0-9][A-Za-z0-9_-]*`)

// maxFilled is bytes of a command line with its values: execve takes no more, and neither
// does a message.
const maxFilled = 128 << 10

// check says whether every reference has a value, and the whole is not too large.
func (p parameters) check(command, arguments []string) error {
	size := 0
	for _, words := range [][]string{command, arguments} {
		for _, word := range words {
			size += len(word) + 1
			for _, ref := range reference.FindAllString(word, -1) {
				v, ok := p[ref[len("Ref::"):]]
				if !ok {
					return slipway.Errorf(slipway.ErrInvalid, "parameters: %s has no value; give parameter %q, here or in the definition", ref, ref[len("Ref::"):])
				}
				size += len(v) - len(ref)
			}
		}
	}
	if size > maxFilled {
		return slipway.Errorf(slipway.ErrInvalid, "parameters: command and arguments have %d bytes with their values; at most %d are allowed", size, maxFilled)
	}
	return nil
}

// fill puts the values into words.
func (p parameters) fill(words []string) []string {
	if words == nil {
		return nil
	}
	filled := make([]string, len(words))
	for i, word := range words {
		filled[i] = reference.ReplaceAllStringFunc(word, func(ref string) string {
			if v, ok := p[ref[len("Ref::"):]]; ok {
				return v
			}
			return ref
		})
	}
	return filled
}
