package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/slipway-run/slipway/internal/cgroup"
)

// processMeter measures by the table of processes what control groups do not count: the
// first process of a sandbox stands for all of it.
type processMeter struct {
	*cgroup.Meter
	pid     int
	counted bool // the control group counts cpu time
}

func (m *processMeter) CPU() time.Duration {
	if m.counted {
		return m.Meter.CPU()
	}
	return cpuTime(m.pid)
}

// BeginPeak writes 5 to proc_pid_clear_refs(5).
func (m *processMeter) BeginPeak() bool {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", m.pid), []byte{'5'}, 0) == nil
}

// Peak reads VmHWM of proc_pid_status(5), which is in KiB.
func (m *processMeter) Peak() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.pid))
	if err != nil {
		return 0 // it has ended
	}
	_, after, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(after), []byte{' '})
	n, _ := strconv.ParseInt(string(number), 10, 64) // the kernel writes numbers; without memory there is none
	return n << 10
}
