package cgroup

// enoughAvailable is the part of the machine's memory that is available when nobody can
// be short of it.
const enoughAvailable = 0.2

// MemoryShortage is the share of the last ten seconds in which some task of the machine
// waited for memory, 0 to 1; 0 when that is not known.
//
// It is 0, too, while a fifth of the memory is available. A task that is held to the limit
// of its own group waits as well, and so does one that reclaims: neither is helped when
// others give memory back.
func MemoryShortage() float64 {
	total, err := readKey(meminfo, "MemTotal:")
	if err != nil {
		return 0
	}
	available, err := readKey(meminfo, "MemAvailable:")
	if err != nil {
		return 0
	}
	p, _, _ := MachinePressure(ResourceMemory) // zero when it is not known
	return shortage(p, total, available)
}

func shortage(p Pressure, total, available int64) float64 {
	if float64(available) >= enoughAvailable*float64(total) {
		return 0
	}
	return p.Some.Avg10
}

// meminfo is the machine's memory in KiB, see proc_meminfo(5).
const meminfo = "/proc/meminfo"
