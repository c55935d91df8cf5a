package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// guardScript runs a program until the pipe that is its standard input ends, which is
// when the test process ends, if not before; then it stops the program and removes its
// folder. $1 is the folder, $2 the signal, the rest the program and its arguments.
const guardScript = `
dir=$1 signal=$2
shift 2
"$@" </dev/null >"$dir/log" 2>&1 &
pid=$!
cat >/dev/null
kill -s "$signal" "$pid"
wait "$pid"
cd /
rm -rf "$dir"
`

// guarded is a program that ends with the test process at the latest.
type guarded struct {
	cmd  *exec.Cmd
	pipe io.Closer
	dir  string
}

// guard starts a program whose data is in dir and that ends by a signal (INT, TERM, …).
func guard(dir, signal string, as *syscall.Credential, program string, args ...string) (*guarded, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", guardScript, "guard", dir, signal, program}, args...)...)
	cmd.Dir = dir
	// A session of its own: Ctrl-C on the terminal is for the test process alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: as}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe to %s: %w", program, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return &guarded{cmd, pipe, dir}, nil
}

// stop ends the program, and returns when it has ended and its folder is gone.
func (g *guarded) stop() {
	_ = g.pipe.Close()
	_ = g.cmd.Wait() // the status of the last command of the script
}

// said is a condition: the program has printed text. Its own words are a better sign
// than an answer on its port, which could be another's.
func (g *guarded) said(text string) func() error {
	return func() error {
		log, err := os.ReadFile(filepath.Join(g.dir, "log"))
		if err != nil {
			return err
		}
		if !bytes.Contains(log, []byte(text)) {
			return fmt.Errorf("it has not said %q, but:\n%s", text, log)
		}
		return nil
	}
}

// makeDir makes a temporary folder that belongs to the user of as.
func makeDir(name string, as *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("", "slipway-test-"+name+"-")
	if err != nil || as == nil {
		return dir, err
	}
	if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
		return "", errors.Join(err, os.Remove(dir))
	}
	return dir, nil
}
