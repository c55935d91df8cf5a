package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Resource is what tasks can wait for.
type Resource string

// The resources of pressure stall information.
const (
	ResourceCPU    Resource = "cpu"
	ResourceMemory Resource = "memory"
)

// Pressure is how much tasks waited for a resource: at least one of them (Some), or all
// that had something to do (Full). Pressure stall information, see the kernel's
// Documentation/accounting/psi.rst.
type Pressure struct {
	Some, Full Stall
}

// Stall is time in which tasks waited.
type Stall struct {
	Avg10 float64       // share of the last ten seconds, 0 to 1
	Total time.Duration // since the start
}

// MachinePressure is the pressure on the machine. It is not known when the kernel keeps
// no such account (psi=1 on its command line makes it).
func MachinePressure(r Resource) (p Pressure, known bool, err error) {
	return readPressure("/proc/pressure/" + string(r))
}

// Pressure is the pressure on the group; it is not known without a v2 hierarchy either.
func (g *Group) Pressure(r Resource) (p Pressure, known bool, err error) {
	if g.sys.unified.version == none {
		return Pressure{}, false, nil
	}
	return readPressure(g.path(g.sys.unified, string(r)+".pressure"))
}

func readPressure(file string) (p Pressure, known bool, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EOPNOTSUPP) {
		return Pressure{}, false, nil
	}
	if err == nil {
		p, err = ParsePressure(b)
	}
	if err != nil {
		return Pressure{}, false, fmt.Errorf("read pressure: %s: %w", file, err)
	}
	return p, true, nil
}

// ParsePressure reads a file of pressure stall information. The line full is missing for
// the cpu of older kernels.
//
//	some avg10=0.00 avg60=0.00 avg300=0.00 total=269400
//	full avg10=0.00 avg60=0.00 avg300=0.00 total=33649
func ParsePressure(text []byte) (Pressure, error) {
	var p Pressure
	found := false
	for line := range bytes.Lines(text) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		var err error
		switch kind {
		case "some":
			found = true
			p.Some, err = parseStall(rest)
		case "full":
			p.Full, err = parseStall(rest)
		}
		if err != nil {
			return Pressure{}, err
		}
	}
	if !found {
		return Pressure{}, errors.New("there is no line that begins with some")
	}
	return p, nil
}

func parseStall(fields string) (Stall, error) {
	var s Stall
	for field := range strings.FieldsSeq(fields) {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "avg10":
			percent, err := strconv.ParseFloat(value, 64)
			if err != nil || !(percent >= 0 && percent <= 100) {
				return Stall{}, fmt.Errorf("avg10: %q is no percentage", value)
			}
			s.Avg10 = percent / 100
		case "total":
			us, err := strconv.ParseInt(value, 10, 64)
			if err != nil || us < 0 || us > int64(1<<63-1)/int64(time.Microsecond) {
				return Stall{}, fmt.Errorf("total: %q is no number of microseconds", value)
			}
			s.Total = time.Duration(us) * time.Microsecond
		}
	}
	return s, nil
}
