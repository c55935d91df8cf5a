package schedule

import "github.com/slipway-run/slipway"

// Keeps is how many vCPUs jobs of an environment keep on an invoker while functions want
// it: of min_vcpus, the invoker's share by its size.
func (b *Board) Keeps(tenant, environment, invoker string) float64 {
	v := b.invokers[invoker]
	if v == nil {
		return 0
	}
	return float64(b.keeps(b.tenant(tenant).environment(environment), v)) / 1000
}

// keeps is the same in thousandths.
func (b *Board) keeps(env *environment, v *invoker) int64 {
	if env.MinVCPUs == 0 || !env.matches(v.id) {
		return 0
	}
	var all int64
	for id, other := range b.invokers {
		if env.matches(id) {
			all += other.total.CPU
		}
	}
	share := float64(v.total.CPU) / float64(max(all, 1))
	return min(int64(env.MinVCPUs*1000*share), v.total.CPU)
}

// capOf is what jobs of an environment and a queue may have on an invoker: what functions
// leave, and at least what the environment keeps.
func (b *Board) capOf(env *environment, q *queue, v *invoker, need Need) Need {
	have := v.capFor(q, need)
	have.CPU = max(have.CPU, b.keeps(env, v))
	return have
}

// capFor is what functions leave to jobs of a queue. Those that do not give memory back get
// a part of it only, unless one needs more and is alone.
func (v *invoker) capFor(q *queue, need Need) Need {
	have := v.cap
	if q.Preemption != slipway.PreemptRequeue {
		have.MemoryMB = max(have.MemoryMB-v.reserved, min(have.MemoryMB, need.MemoryMB))
	}
	return have
}
