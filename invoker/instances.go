package invoker

import (
	"sync"

	"github.com/slipway-run/slipway"
)

// instances are those of this machine, by id.
type instances struct {
	mu   sync.Mutex // guards byID
	byID map[string]*instance
}

func newInstances() *instances { return &instances{byID: map[string]*instance{}} }

func (l *instances) add(in *instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byID[in.id] = in
}

func (l *instances) remove(in *instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byID, in.id)
}

// describe adds what the instance used to what is known of it. One that has just gone
// stays as it is.
func (l *instances) describe(info *slipway.InstanceInfo) {
	l.mu.Lock()
	in := l.byID[info.ID]
	l.mu.Unlock()
	if in == nil {
		return
	}
	u, err := in.sandbox.Usage()
	if err != nil {
		return
	}
	info.CPUSeconds = u.CPU.Seconds()
	info.MemoryMB, info.MemoryPeakMB = mib(u.Memory), mib(u.MemoryPeak)
}

// mib is bytes in MiB, rounded up.
func mib(bytes int64) int { return int((bytes + 1<<20 - 1) >> 20) }
