package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// tracer is an instance of the kernel's tracer (tracefs).
type tracer struct{ dir string }

const tracefs = "/sys/kernel/tracing"

// newTracer follows everybody: whose calls they are is told by the names of the tasks.
func newTracer() (*tracer, error) {
	t := &tracer{filepath.Join(tracefs, "instances", "slipway-"+strconv.Itoa(os.Getpid()))}
	if err := os.Mkdir(t.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make an instance of the tracer, is %s mounted? %w", tracefs, err)
	}
	var errs []error
	for _, s := range [][2]string{
		{"tracing_on", "0"},
		{"buffer_size_kb", "8192"}, // of each processor
		{"trace_clock", "mono"},
		{"events/raw_syscalls/enable", "1"},
	} {
		errs = append(errs, t.set(s[0], s[1]))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *tracer) set(file, value string) error {
	return os.WriteFile(filepath.Join(t.dir, file), []byte(value), 0)
}

// begin forgets what was written down, and begins to write.
func (t *tracer) begin() error {
	return errors.Join(t.set("trace", ""), t.set("tracing_on", "1"), t.mark("begin"))
}

// end ends the writing.
func (t *tracer) end() error { return errors.Join(t.mark("end"), t.set("tracing_on", "0")) }

// mark writes a word of ours between the kernel's.
func (t *tracer) mark(word string) error { return t.set("trace_marker", word) }

// read is what was written down.
func (t *tracer) read() ([]byte, error) { return os.ReadFile(filepath.Join(t.dir, "trace")) }

func (t *tracer) close() error {
	return errors.Join(t.set("events/enable", "0"), os.Remove(t.dir))
}
