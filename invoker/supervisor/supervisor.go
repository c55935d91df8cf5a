package supervisor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-run/slipway/invoker/runtimeapi"
)

// Path is where the supervisor is in a sandbox.
const Path = "/run/slipway/supervisor"

// Folder has the extensions.
const Folder = "/opt/extensions"

// Abort is the signal that has the program killed at once.
const Abort = syscall.SIGUSR1

// Init does not return in a process that is a supervisor. It belongs into the first lines
// of main.
func Init() {
	if len(os.Args) > 1 && os.Args[0] == Path {
		os.Exit(run(os.Args[1:]))
	}
}

// programShare is how much of the time to end is the program's; the rest is for the
// extensions.
const programShare = runtimeapi.Grace * 3 / 10

// supervisor has the processes of one sandbox.
type supervisor struct {
	api        *client
	extensions map[int]string // by process id: those that run
	program    int            // process id; 0 before it is started
	asked      bool           // the program to end
	over       bool           // the program has ended, or will not be started
	code       int            // to exit with
}

// run starts everything, and returns the exit status when all has ended.
func run(args []string) int {
	found, err := executables(Folder)
	if err != nil || len(found) == 0 {
		return become(args)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, Abort, syscall.SIGCHLD)
	s := &supervisor{api: newClient(os.Getenv("AWS_LAMBDA_RUNTIME_API")), extensions: map[int]string{}}
	if err := s.api.expect(found); err != nil {
		return fail(err)
	}
	for _, path := range found {
		s.launch(path)
	}
	started := make(chan error, 1)
	go func() { started <- s.api.awaitRegistered() }()
	return s.supervise(args, signals, started)
}

// become turns this process into the program.
func become(args []string) int {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return fail(err)
	}
	return fail(fmt.Errorf("exec %s: %w", path, syscall.Exec(path, args, os.Environ())))
}

// fail says on standard error why there is nothing to supervise. 127 is a shell's word for
// a program that cannot be executed.
func fail(err error) int {
	fmt.Fprintln(os.Stderr, "slipway:", err)
	return 127
}

// executables are the files of a folder that can be executed, by name.
func executables(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			found = append(found, path)
		}
	}
	return found, nil
}

// launch starts an extension.
func (s *supervisor) launch(path string) {
	name := filepath.Base(path)
	cmd := command(path, []string{path}, extensionEnv(os.Environ()))
	if err := cmd.Start(); err != nil {
		s.api.exited(runtimeapi.Exited{Extension: name, Error: cause(err).Error()})
		return
	}
	s.extensions[cmd.Process.Pid] = name
}

func command(path string, args, env []string) *exec.Cmd {
	return &exec.Cmd{
		Path: path, Args: args, Env: env, Stdout: os.Stdout, Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
}

func cause(err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno
	}
	return err
}

// supervise waits for what happens until nothing runs any more.
func (s *supervisor) supervise(args []string, signals <-chan os.Signal, started <-chan error) int {
	var limit <-chan time.Time // of the program, then of the extensions
	for {
		select {
		case err := <-started:
			if !s.over && (err != nil || !s.start(args)) {
				limit = s.ended(127, 0)
			}
		case <-limit:
			s.kill(s.program)
			if s.over {
				s.killExtensions()
			}
			limit = nil
		case sig := <-signals:
			switch sig {
			case syscall.SIGCHLD:
				if l := s.reap(); l != nil {
					limit = l
				}
			case Abort:
				s.kill(s.program)
			case syscall.SIGTERM:
				if l := s.terminate(); l != nil {
					limit = l
				}
			default:
				s.signal(s.program, sig.(syscall.Signal))
			}
		}
		if s.over && len(s.extensions) == 0 {
			return s.code
		}
	}
}

// start starts the program.
func (s *supervisor) start(args []string) bool {
	path, err := exec.LookPath(args[0])
	if err == nil {
		cmd := command(path, args, os.Environ())
		cmd.Stdin = os.Stdin
		if err = cmd.Start(); err == nil {
			s.program = cmd.Process.Pid
			return true
		}
	}
	fmt.Fprintf(os.Stderr, "slipway: exec %s: %v\n", args[0], cause(err))
	return false
}

// terminate asks the program to end, which has so long for it. One that is not started yet
// has ended.
func (s *supervisor) terminate() (limit <-chan time.Time) {
	switch {
	case s.over || s.asked:
		return nil
	case s.program == 0:
		return s.ended(128+int(syscall.SIGTERM), int(syscall.SIGTERM))
	}
	s.asked = true
	s.signal(s.program, syscall.SIGTERM)
	return time.After(programShare)
}

// reap takes note of the processes that have ended; with the program, time begins to run
// for the extensions.
func (s *supervisor) reap() (limit <-chan time.Time) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return limit
		}
		code, sig := status.ExitStatus(), 0
		if status.Signaled() {
			code, sig = 128+int(status.Signal()), int(status.Signal())
		}
		name, isExtension := s.extensions[pid]
		switch {
		case pid == s.program:
			s.program = 0
			limit = s.ended(code, sig)
		case isExtension:
			delete(s.extensions, pid)
			s.api.exited(runtimeapi.Exited{Extension: name, Code: code, Signal: sig})
			if !s.over {
				s.kill(s.program) // one that fell takes the instance along
			}
		}
	}
}

// ended is the end of the program, or of the attempt to start it.
func (s *supervisor) ended(code, sig int) (limit <-chan time.Time) {
	if s.over {
		return nil
	}
	s.over, s.code = true, code
	ending, err := s.api.ended(runtimeapi.Exited{Code: code, Signal: sig})
	if err != nil {
		s.killExtensions()
		return nil
	}
	await := map[string]bool{}
	for _, name := range ending.Await {
		await[name] = true
	}
	for pid, name := range s.extensions {
		if !await[name] {
			s.kill(pid)
		}
	}
	return time.After(ending.Within)
}

func (s *supervisor) killExtensions() {
	for pid := range s.extensions {
		s.kill(pid)
	}
}

// kill ends a process and the group it leads.
func (s *supervisor) kill(pid int) {
	if pid > 0 {
		_ = syscall.Kill(-pid, syscall.SIGKILL) // one that has ended is as good
	}
}

func (s *supervisor) signal(pid int, sig syscall.Signal) {
	if pid > 0 {
		_ = syscall.Kill(pid, sig) // one that has ended is as good
	}
}
