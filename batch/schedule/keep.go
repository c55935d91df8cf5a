package schedule

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

// capOf is what jobs of an environment may have on an invoker: what functions leave, and
// at least what the environment keeps.
func (b *Board) capOf(env *environment, v *invoker) Need {
	return Need{CPU: max(v.cap.CPU, b.keeps(env, v)), MemoryMB: v.cap.MemoryMB}
}
