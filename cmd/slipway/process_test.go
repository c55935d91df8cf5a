package main

import (
	"bufio"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is the slipway binary in a process of its own.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // its standard output
	log   *safeBuffer
}

// startProcess starts slipway; the process ends with the test.
func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	return startCommand(t, exec.Command("slipway", args...), (*exec.Cmd).Start)
}

// startCommand is startProcess for a command that start starts.
func startCommand(t *testing.T, cmd *exec.Cmd, start func(*exec.Cmd) error) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, lines: make(chan string, 64), log: &safeBuffer{}}
	p.cmd.Stderr = p.log
	if p.cmd.SysProcAttr == nil {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	p.cmd.SysProcAttr.Setpgid = true
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := start(p.cmd); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.lines <- lines.Text()
		}
		io.Copy(io.Discard, stdout)
	}()
	t.Cleanup(func() {
		impatient := time.AfterFunc(time.Minute, func() { p.cmd.Process.Kill() })
		p.end(syscall.SIGTERM) // in order, so that nothing of it is left on the machine
		impatient.Stop()
		if t.Failed() {
			t.Logf("%s:\n%s", strings.Join(cmd.Args, " "), p.log)
		}
	})
	return p
}

// startInvoker starts an invoker of a cluster with a data folder below home, and waits
// until it is ready. After a kill the same call makes it come back, which also removes
// what the one before left on the machine.
func startInvoker(t *testing.T, nats, home, id string) *process {
	t.Helper()
	invoker := startProcess(t, "invoker", "--nats", nats, "--id", id, "--data", filepath.Join(home, id))
	invoker.await("Slipway's invoker " + id + " is ready")
	return invoker
}

// await gives what follows prefix in the first line of output that begins with it.
func (p *process) await(prefix string) string {
	p.t.Helper()
	for line := range p.lines {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			return rest
		}
	}
	p.t.Fatalf("slipway ended without a line %q:\n%s", prefix, p.log)
	return ""
}

// end sends sig and waits for the process; its value is the exit status, -1 for a signal.
func (p *process) end(sig syscall.Signal) int {
	if p.cmd.ProcessState == nil {
		p.cmd.Process.Signal(sig)
		p.cmd.Wait()
	}
	return p.cmd.ProcessState.ExitCode()
}

// owned is what exists on this machine under the name of a server's data folder.
type owned struct {
	cgroups []string
	pids    []string // processes in those cgroups
	links   []string
	mounts  []string
	bundles []string // of containers of another runtime
}

func (o owned) empty() bool {
	return len(o.cgroups)+len(o.pids)+len(o.links)+len(o.mounts)+len(o.bundles) == 0
}

// ownedBy looks for everything that bears the name of the data folder's server.
func ownedBy(t *testing.T, data string) owned {
	t.Helper()
	node, err := os.ReadFile(filepath.Join(data, nodeFile))
	if err != nil {
		t.Fatal(err)
	}
	mark := string(node[:8])
	var o owned
	filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(path, mark) {
			o.cgroups = append(o.cgroups, path)
			procs, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
			o.pids = append(o.pids, strings.Fields(string(procs))...)
		}
		return nil // cgroups vanish while one looks
	})
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if strings.Contains(link.Name, mark[:4]) {
			o.links = append(o.links, link.Name)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, data) {
			o.mounts = append(o.mounts, line)
		}
	}
	if o.bundles, err = filepath.Glob("/run/*" + mark + "*"); err != nil {
		t.Fatal(err)
	}
	slices.Sort(o.pids)
	o.pids = slices.Compact(o.pids)
	return o
}

// alive says whether the processes still are what they were: the pid exists and is
// neither a zombie nor another program.
func alive(pids []string) (still []string) {
	for _, pid := range pids {
		if status, err := os.ReadFile("/proc/" + pid + "/status"); err == nil && !strings.Contains(string(status), "State:\tZ") {
			still = append(still, pid)
		}
	}
	return still
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
