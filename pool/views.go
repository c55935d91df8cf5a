package pool

import "github.com/slipway-run/slipway"

// Changed gets a value after something changed; changes that come while nobody
// receives are one.
func (p *Pool) Changed() <-chan struct{} { return p.changed }

// FreeMemoryMB is what is not promised to instances, in MiB; 0 when the pool was
// given no bound.
func (p *Pool) FreeMemoryMB() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.ledger.FreeMemoryMB())
}

// Counts says for each version that has instances or waiters how many.
func (p *Pool) Counts() []slipway.VersionCount {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledger.Counts()
}

// Instances lists the instances of a function, or of all when ref is nil, the oldest
// first; those that start come last and have no ID yet.
func (p *Pool) Instances(ref *slipway.FunctionRef) []slipway.InstanceInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	var infos []slipway.InstanceInfo
	for _, m := range p.ledger.Members(ref) {
		info := m.Info()
		if r, ok := m.Instance().(*running); ok {
			info.ID = r.ID()
		}
		infos = append(infos, info)
	}
	return infos
}
