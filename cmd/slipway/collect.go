package main

import (
	"os"
	"runtime/debug"
)

// heapGrowth is by how many percent the heap may grow before it is collected. What a
// server keeps is small beside what events leave behind: collecting at Go's default of
// 100 would take some eight percent of the processor from them, for a few tens of MiB.
const heapGrowth = 400

// collectSeldom tunes the garbage collector for serving, unless GOGC says how.
func collectSeldom() {
	if _, said := os.LookupEnv("GOGC"); !said {
		debug.SetGCPercent(heapGrowth)
	}
}
