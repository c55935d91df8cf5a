package main

import (
	"bufio"
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/sandbox/seccomp"
)

// who makes a call.
type who string

const (
	host   who = "host"    // the server's process
	inside who = "init"    // the sandbox's, before it executes the program
	ours   who = "program" // after
)

// span is one system call.
type span struct {
	who  who
	name string
	took time.Duration
}

// line is one of the tracer: task-pid, processor, flags, seconds, event, what it says.
var line = regexp.MustCompile(`^\s*(\S.*)-(\d+)\s+\[\d+\]\s+\S+\s+(\d+)\.(\d+): (\S+): (.*)$`)

// waits are calls that take as long as somebody else does.
var waits = map[string]bool{
	"futex": true, "epoll_pwait": true, "nanosleep": true, "poll": true, "ppoll": true, "recvmsg": true,
	"wait4": true, "sched_yield": true, "clock_nanosleep": true,
}

// call is one that has begun.
type call struct {
	name string
	at   time.Duration
}

// parser finds the calls between the marks "begin" and "end".
type parser struct {
	roles   map[string]who // by the name of the task
	entered map[string]call
	spans   []span
	begin   time.Duration
	running bool
	total   time.Duration

	executed bool // the init has become the program
}

func parse(trace []byte, roles map[string]who) (spans []span, total time.Duration) {
	p := parser{roles: roles, entered: map[string]call{}}
	for lines := bufio.NewScanner(bytes.NewReader(trace)); p.total == 0 && lines.Scan(); {
		if m := line.FindStringSubmatch(lines.Text()); m != nil {
			p.event(m[1], m[2], seconds(m[3], m[4]), m[5], m[6])
		}
	}
	return p.spans, p.total
}

func (p *parser) event(task, tid string, at time.Duration, event, rest string) {
	switch {
	case event == "tracing_mark_write" && rest == "begin":
		p.begin, p.running = at, true
	case event == "tracing_mark_write" && rest == "end":
		p.total = at - p.begin
	case !p.running || p.roles[task] == "":
	case event == "sys_enter":
		p.entered[tid] = call{callName(rest), at}
	case event == "sys_exit":
		if c, ok := p.entered[tid]; ok && !waits[c.name] {
			p.spans = append(p.spans, span{p.role(task), c.name, at - c.at})
			p.executed = p.executed || c.name == "execve" && p.role(task) == inside
		}
		delete(p.entered, tid)
	}
}

// role is whose calls a task's are. The tracer often knows the init by the name that it
// has later.
func (p *parser) role(task string) who {
	if r := p.roles[task]; r != ours || p.executed {
		return r
	}
	return inside
}

func seconds(whole, fraction string) time.Duration {
	s, _ := strconv.Atoi(whole) // the expression has matched digits
	us, _ := strconv.Atoi(fraction)
	return time.Duration(s)*time.Second + time.Duration(us)*time.Microsecond
}

// callName reads "NR 59 (…".
func callName(rest string) string {
	number, _, _ := strings.Cut(strings.TrimPrefix(rest, "NR "), " ")
	n, err := strconv.Atoi(number)
	if name := seccomp.Name(n); err == nil && name != "" {
		return name
	}
	return "call " + number
}
