package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/cgroup"
)

// What the table of processes says about a sandbox (proc(5)), for servers whose control
// groups do not. Everything in a sandbox descends from its first process, which inherits
// whoever loses its parent. Processes that come or go meanwhile may be missed.

// tree gives the pids of a process and of all that descend from it.
func tree(pid int) []int {
	found := []int{pid}
	for i := 0; i < len(found); i++ {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", found[i])) // the pattern is a good one
		for _, list := range lists {
			text, err := os.ReadFile(list)
			if err != nil {
				continue // the thread has ended
			}
			for field := range strings.FieldsSeq(string(text)) {
				if child, err := strconv.Atoi(field); err == nil {
					found = append(found, child)
				}
			}
		}
	}
	return found
}

// threadsBelow are the threads of a process and of all that descend from it.
func threadsBelow(pid int) (tids []int) {
	for _, p := range tree(pid) {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p))
		if err != nil {
			continue // it has ended
		}
		for _, e := range entries {
			if tid, err := strconv.Atoi(e.Name()); err == nil {
				tids = append(tids, tid)
			}
		}
	}
	return tids
}

// tick is the kernel's unit of time in /proc (USER_HZ), the same on all architectures of
// today.
const tick = 10 * time.Millisecond

// The fields of proc_pid_stat(5) that count, from the one after the name on.
const (
	statChildrenUser   = 13 // ticks of children that were waited for
	statChildrenSystem = 14
	statThreads        = 17
	statRSS            = 21 // pages
	statFields         = 22
)

// usageBelow adds up what a process and its descendants use now. What has ended
// and was not waited for by any of them is not in it.
func usageBelow(pid int) (u cgroup.Usage) {
	for _, p := range tree(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			continue
		}
		_, after, ok := strings.Cut(string(text), ") ")
		fields := strings.Fields(after)
		if !ok || len(fields) < statFields {
			continue
		}
		number := func(i int) int64 {
			n, _ := strconv.ParseInt(fields[i], 10, 64) // the kernel writes numbers
			return n
		}
		u.CPU += cpuTime(p) + time.Duration(number(statChildrenUser)+number(statChildrenSystem))*tick
		u.PIDs += int(number(statThreads))
		u.Memory += number(statRSS) * int64(os.Getpagesize())
	}
	u.MemoryPeak = u.Memory
	return u
}

// cpuTime is that of a process, by its clock (clock_getcpuclockid(3)); 0 when it has ended.
func cpuTime(pid int) time.Duration {
	const schedule = 2 // CPUCLOCK_SCHED: user and system time
	var now unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedule), &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}

// usage is what the table of processes says; after its end, what the kernel told then.
func (p *process) usage() cgroup.Usage {
	if !p.ended() {
		return usageBelow(p.pid)
	}
	return cgroup.Usage{
		CPU:        time.Duration(p.used.Utime.Nano() + p.used.Stime.Nano()),
		MemoryPeak: p.used.Maxrss << 10, // KiB, of the largest of them
	}
}
