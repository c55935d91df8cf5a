package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Meter reads what a group used, over files that stay open: a reading takes some
// microseconds and allocates nothing. Readings of a group that is gone are zero.
type Meter struct {
	group *Group
	clock int32    // of the process that was named, see NewMeter
	cpu   *os.File // nil when cpu time is not counted
	key   string   // before the number in it; "" when it holds nothing else
	unit  time.Duration
	peak  *os.File // nil when memory is not counted
	fresh bool     // the peak can begin anew

	mu     sync.Mutex // guards buf, and the files from being closed under a reading
	buf    [512]byte
	closed bool
}

// NewMeter makes a Meter of the group. The kernel counts the time of a process that runs
// only when it is interrupted, which is some milliseconds late; that of the process pid
// is counted up to the moment of the reading.
func (g *Group) NewMeter(pid int) (*Meter, error) {
	m := &Meter{group: g, clock: processClock(pid)}
	if err := m.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("meter control group: %w", err), m.Close())
	}
	return m, nil
}

func (m *Meter) open() (err error) {
	g := m.group
	switch {
	case g.sys.unified.version == v2:
		m.key, m.unit = "usage_usec ", time.Microsecond
		m.cpu, err = os.Open(filepath.Join(g.sys.unified.root, g.name, "cpu.stat"))
	case g.sys.cpuacct.version == v1:
		m.unit = time.Nanosecond
		m.cpu, err = os.Open(g.path(g.sys.cpuacct, "cpuacct.usage"))
	}
	if err != nil || g.sys.memory.version == none {
		return err
	}
	name := "memory.max_usage_in_bytes"
	if g.sys.memory.version == v2 {
		name = "memory.peak"
	}
	name = g.path(g.sys.memory, name)
	if m.peak, err = os.OpenFile(name, os.O_RDWR, 0); err == nil {
		m.fresh = true
		m.fresh = m.BeginPeak() // root can open for writing what the kernel does not let be written
		return nil
	}
	if m.peak, err = os.Open(name); errors.Is(err, fs.ErrNotExist) { // memory.peak is of Linux 5.19
		m.peak, err = nil, nil
	}
	return err
}

// processClock is the clock of a process's cpu time, see clock_getcpuclockid(3).
func processClock(pid int) int32 {
	const sched = 2
	return int32(^pid<<3 | sched)
}

// CPU is user and system time until now.
func (m *Meter) CPU() time.Duration {
	if m.cpu == nil {
		return 0
	}
	var now unix.Timespec
	_ = unix.ClockGettime(m.clock, &now) // who reads a process's clock brings its groups' account up to date
	n, _ := m.read(m.cpu, m.key)
	return time.Duration(n) * m.unit
}

// BeginPeak lets the peak begin anew, as far as the kernel can: v1, and v2 from Linux
// 6.12. It says whether it did.
func (m *Meter) BeginPeak() bool {
	if !m.fresh {
		return false
	}
	if m.group.sys.memory.version == v1 { // where there is one for all
		m.group.keepPeak(m.Peak())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.buf[0] = '0'
	_, err := unix.Pwrite(int(m.peak.Fd()), m.buf[:1], 0)
	return err == nil
}

// Peak is the bytes of memory that were held at most at one moment since BeginPeak, or
// since the Meter was made; where the peak cannot begin anew, since the group was.
func (m *Meter) Peak() int64 {
	if m.peak == nil {
		return 0
	}
	n, _ := m.read(m.peak, "")
	return n
}

// read reads the number behind a key, at the begin of a file or of a line.
func (m *Meter) read(f *os.File, key string) (n int64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, false
	}
	length, err := unix.Pread(int(f.Fd()), m.buf[:], 0) // os.File would read once more, for the end
	if err != nil {
		return 0, false
	}
	text := m.buf[:length]
	for !bytes.HasPrefix(text, []byte(key)) {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			return 0, false
		}
		text = text[end+1:]
	}
	for _, c := range text[len(key):] {
		if c < '0' || c > '9' {
			break
		}
		n, ok = n*10+int64(c-'0'), true
	}
	return n, ok
}

// Close closes the files. There are no readings after it.
func (m *Meter) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	var errs []error
	for _, f := range []*os.File{m.cpu, m.peak} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
