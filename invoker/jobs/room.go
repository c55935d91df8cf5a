package jobs

import "github.com/slipway-run/slipway"

// Changed gets a value when Room may have.
func (r *Runner) Changed() <-chan struct{} { return r.changed }

// Room is what this machine has for more attempts, nil when it takes none.
func (r *Runner) Room() *slipway.JobRoom {
	spare, fixed := r.leftovers.Spare()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return nil
	}
	room := &slipway.JobRoom{
		Incarnation: r.incarnation, CPU: r.cfg.CPU,
		FreeCPU:      max(0, r.cfg.CPU-float64(r.cpu)/1000-r.held),
		FreeMemoryMB: spare, ReservedMB: spare - fixed,
		UsedCPU: float64(r.cpu) / 1000,
		Running: len(r.active), Waiting: r.backlog.waiting,
	}
	for _, a := range r.active {
		room.UsedMemoryMB += a.work.MemoryMB
		if a.still {
			room.Frozen++
		}
	}
	return room
}
