package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// clockTick is the unit of times in /proc (USER_HZ of proc_pid_stat(5)).
const clockTick = time.Second / 100

// cpuTime is what the processes and all below them have used until now.
func cpuTime(roots []int) (time.Duration, error) {
	children, used := map[int][]int{}, map[int]time.Duration{}
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		parent, time, err := parseStat(doc)
		if err != nil {
			return 0, err
		}
		children[parent] = append(children[parent], pid)
		used[pid] = time
	}
	var sum time.Duration
	for queue := slices.Clone(roots); len(queue) > 0; queue = queue[1:] {
		sum += used[queue[0]]
		queue = append(queue, children[queue[0]]...)
	}
	return sum, nil
}

// parseStat reads the parent and the CPU time of a process; the name before them can
// hold anything.
func parseStat(doc []byte) (parent int, used time.Duration, err error) {
	fields := bytes.Fields(doc[bytes.LastIndexByte(doc, ')')+1:])
	if len(fields) < 13 {
		return 0, 0, fmt.Errorf("no line of /proc/<pid>/stat: %q", doc)
	}
	parent, err = strconv.Atoi(string(fields[1]))
	for _, field := range fields[11:13] { // user and system
		ticks, _ := strconv.Atoi(string(field))
		used += time.Duration(ticks) * clockTick
	}
	return parent, used, err
}
