package batch

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strconv"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/life"
)

// assign sends slices to their invokers.
func (s *scheduler) assign(ctx context.Context, all []*life.Slice) error {
	type who struct{ invoker, incarnation string }
	of := map[who][]slipway.Assignment{}
	outputs := outputs{store: s.store, of: map[string]jobOutputs{}}
	for _, slice := range all {
		a, err := s.assignment(ctx, slice, &outputs)
		if err != nil {
			return err
		}
		w := who{slice.Invoker, slice.Incarnation}
		of[w] = append(of[w], a)
	}
	for w, list := range of {
		if err := s.engine.bus.GiveAssignments(ctx, w.invoker, w.incarnation, list); err != nil {
			return err
		}
	}
	return nil
}

// assignment is all that an invoker needs to know about a slice.
func (s *scheduler) assignment(ctx context.Context, slice *life.Slice, outputs *outputs) (slipway.Assignment, error) {
	j := slice.Owner
	q, err := s.specs.request(ctx, j.Num, j.Tenant, j.ID)
	if err != nil {
		return slipway.Assignment{}, err
	}
	d, err := s.specs.definition(ctx, j.Tenant, q.Definition)
	if err != nil {
		return slipway.Assignment{}, err
	}
	command, arguments := commandOf(q, d)
	p := parametersOf(q, d)
	queue := s.queue(j.Tenant, j.Queue)
	a := slipway.Assignment{
		ID: slice.Assignment, Tenant: j.Tenant, Job: j.ID, Name: q.Name, Attempt: slice.Attempt,
		Queue: j.Queue, Environment: slice.Environment, Definition: q.Definition,
		Digest: d.Digest, Command: p.fill(command), Arguments: p.fill(arguments), Env: environmentOf(q, d),
		CPU: j.CPU, MemoryMB: slice.Memory(), EphemeralMB: d.EphemeralMB, OutputMB: d.OutputMB, PIDs: d.PIDs,
		Timeout: q.Timeout, Network: d.Network, Isolation: d.Isolation, Input: q.Input,
		Priority: queue.Priority, Preemption: cmp.Or(queue.Preemption, slipway.PreemptFreeze),
		MinCPU: s.board.Keeps(j.Tenant, slice.Environment, slice.Invoker),
	}
	if j.Array {
		a.Array, a.From, a.To = j.Size, slice.From, slice.To
	}
	a.Deps, err = outputs.deps(ctx, j.Tenant, q, slice.From, slice.To)
	return a, err
}

func (s *scheduler) queue(tenant, name string) slipway.Queue {
	if q, ok := s.queues[[2]string{tenant, name}]; ok {
		return q.Queue
	}
	return slipway.DefaultQueueOf(tenant, name)
}

func environmentOf(q slipway.JobRequest, d slipway.JobDefinition) map[string]string {
	if q.Overrides == nil || len(q.Overrides.Env) == 0 {
		return d.Env
	}
	env := maps.Clone(d.Env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, q.Overrides.Env)
	return env
}

// outputs is what jobs have left that others depend on, read once for a turn.
type outputs struct {
	store Store
	of    map[string]jobOutputs
}

type jobOutputs struct {
	name  string
	array int
	left  map[int]slipway.JobOutput
}

// deps are the outputs that children from to to-1 of a job get.
func (o *outputs) deps(ctx context.Context, tenant string, q slipway.JobRequest, from, to int) (all []slipway.DepOutput, err error) {
	for _, in := range q.InputFrom {
		parent, child, err := slipway.SplitJobID(in.Job)
		if err != nil {
			return nil, err
		}
		dep, err := o.job(ctx, tenant, parent)
		if err != nil {
			return nil, err
		}
		path := cmp.Or(in.Name, dep.name)
		switch {
		case twin(q, in.Job):
			for i := from; i < to; i++ {
				all = append(all, slipway.DepOutput{Path: path, Digest: dep.left[i].Digest, Child: &i})
			}
		case child >= 0 || dep.array == 0:
			all = append(all, slipway.DepOutput{Path: path, Digest: dep.left[max(child, 0)].Digest})
		default:
			for i := range dep.array {
				if left, ok := dep.left[i]; ok && left.Digest != "" {
					all = append(all, slipway.DepOutput{Path: path + "/" + strconv.Itoa(i), Digest: left.Digest})
				}
			}
			if len(dep.left) == 0 {
				all = append(all, slipway.DepOutput{Path: path})
			}
		}
	}
	return all, nil
}

// twin says whether children depend on those of a job with the same index.
func twin(q slipway.JobRequest, id string) bool {
	for _, d := range q.DependsOn {
		if d.Job == id && d.Type == slipway.DependsNToN {
			return true
		}
	}
	return false
}

func (o *outputs) job(ctx context.Context, tenant, id string) (jobOutputs, error) {
	if known, ok := o.of[id]; ok {
		return known, nil
	}
	r, err := o.store.JobRecord(ctx, tenant, id)
	if errors.Is(err, slipway.ErrNotFound) { // it was forgotten: it left nothing
		return jobOutputs{name: id}, nil
	}
	if err != nil {
		return jobOutputs{}, err
	}
	left, err := o.store.JobOutputs(ctx, r.Num)
	dep := jobOutputs{name: r.Request.Name, left: left}
	if r.Request.Array != nil {
		dep.array = r.Request.Array.Size
	}
	o.of[id] = dep
	return dep, err
}
