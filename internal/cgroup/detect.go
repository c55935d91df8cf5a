package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// Detect finds what this machine has mounted, from /proc/self/mountinfo. It is an
// error when there is no hierarchy at all.
func Detect() (*System, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("find control groups: %w", err)
	}
	defer f.Close()
	s, err := parse(f)
	if err != nil {
		return nil, fmt.Errorf("find control groups: %w", err)
	}
	return s, nil
}

// parse reads a file in the format of proc_pid_mountinfo(5).
func parse(mountinfo io.Reader) (*System, error) {
	s := &System{mkdir: mkdir, rmdir: syscall.Rmdir}
	lines := bufio.NewScanner(mountinfo)
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		mount, fs := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(fs) < 3 {
			continue
		}
		switch fs[0] {
		case "cgroup":
			s.addV1(mount[4], strings.Split(fs[2], ","))
		case "cgroup2":
			s.unified = controller{mount[4], v2}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	s.addV2()
	if len(s.roots()) == 0 {
		return nil, errors.New("none are mounted: mount -t cgroup2 none /sys/fs/cgroup")
	}
	return s, nil
}

func mkdir(dir string) error {
	if err := syscall.Mkdir(dir, 0o755); err != nil {
		return &os.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	return nil
}
