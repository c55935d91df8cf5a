package network

import (
	"errors"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// maxReaped bounds one datagram of requests.
const maxReaped = 256

// reaper deletes links. The kernel takes some 20 ms for a deletion (it waits for
// every processor to let go of the interface), and no more for a hundred at once; so
// those that come meanwhile wait and go together, as one group.
type reaper struct {
	socket *socket
	group  uint32 // of links about to be deleted

	mu      sync.Mutex
	busy    bool
	waiting []doomed
}

type doomed struct {
	name string
	done chan<- error
}

// remove deletes the links and returns when they are gone. A link that does not
// exist is gone.
func (r *reaper) remove(names ...string) error {
	done := make(chan error, len(names))
	r.mu.Lock()
	for _, name := range names {
		r.waiting = append(r.waiting, doomed{name, done})
	}
	lead := !r.busy
	r.busy = true
	r.mu.Unlock()
	if lead {
		r.reap()
	}
	var errs []error
	for range names {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}

// reap deletes what waits until nothing does.
func (r *reaper) reap() {
	for {
		r.mu.Lock()
		batch := r.waiting[:min(len(r.waiting), maxReaped)]
		r.waiting = r.waiting[len(batch):]
		r.busy = len(batch) > 0
		r.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := r.removeTogether(batch)
		for _, d := range batch {
			d.done <- err
		}
	}
}

func (r *reaper) removeTogether(batch []doomed) error {
	requests := make([]*nl.NetlinkRequest, 0, len(batch)+1)
	for _, d := range batch {
		requests = append(requests, regroup(d.name, r.group))
	}
	err := r.socket.do(append(requests, deleteGroup(r.group))...)
	if errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
