package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/cgroup"
)

// shell is a blank sandbox: namespaces, control group and an init that waits. Nothing
// in it depends on what will run, so it can be made before anyone asks for it.
type shell struct {
	firstID uint32
	group   *cgroup.Group
	process *process
	line    *line
	netns   *os.File
	userns  *os.File

	undo undo
}

// endTimeout bounds how long the end of a sandbox may take. SIGKILL needs the kernel
// only, so that passing it means a process that hangs in the kernel.
const endTimeout = 10 * time.Second

// newShell makes a shell. On an error nothing is left.
func (n *Native) newShell(ctx context.Context) (_ *shell, err error) {
	s := &shell{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.firstID, err = n.ids.take(); err != nil {
		return nil, err
	}
	s.undo.add(func() error { n.ids.give(s.firstID); return nil })
	if s.group, err = n.cgroups.New(n.groupName(s.firstID), cgroup.Limits{}); err != nil {
		return nil, err
	}
	s.undo.add(s.removeGroup)
	if err := s.spawn(n.spawner); err != nil {
		return nil, err
	}
	if err := s.openNamespaces(); err != nil {
		return nil, err
	}
	return s, s.explain(s.line.ask(ctx, n.setup))
}

// groupName names a control group after the ids of its processes: unique among the
// living, and what ps(1) shows.
func (n *Native) groupName(firstID uint32) string {
	return n.cfg.Name + "/" + strconv.FormatUint(uint64(firstID), 10)
}

// spawn starts the init, which waits for its first message until it is in its group.
func (s *shell) spawn(threads *spawner) error {
	ours, theirs, err := newLine()
	if err != nil {
		return err
	}
	defer theirs.Close()
	s.line = ours
	s.undo.add(ours.close)
	group, err := s.group.CloneInto()
	if err != nil {
		return fmt.Errorf("open control group: %w", err)
	}
	if group != nil {
		defer group.Close()
	}
	pid, pidfd, err := threads.spawn(initProcess{s.firstID, theirs, group})
	if err != nil {
		return fmt.Errorf("start the sandbox's init: %w", hint(err))
	}
	s.process = watch(pid, pidfd)
	s.undo.add(s.process.close)
	s.undo.add(s.kill)
	if group != nil {
		return s.group.AddCloned(pid)
	}
	return s.group.Add(pid)
}

// hint says what a refusal to make namespaces means.
func hint(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: the server must run as root, and user namespaces must be allowed", err)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w: the server's program must be executable by every user: chmod 755 it", err)
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		return fmt.Errorf("%w: no more namespaces are allowed: raise the numbers in /proc/sys/user", err)
	}
	return err
}

func (s *shell) openNamespaces() (err error) {
	dir := fmt.Sprintf("/proc/%d/ns/", s.process.pid) // not waited for yet, so the pid is its own
	if s.netns, err = os.Open(dir + "net"); err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	s.undo.add(s.netns.Close)
	if s.userns, err = os.Open(dir + "user"); err != nil {
		return fmt.Errorf("open user namespace: %w", err)
	}
	s.undo.add(s.userns.Close)
	return nil
}

// kill ends all processes, frozen or not; close waits for them.
func (s *shell) kill() error {
	if s.process.ended() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	return errors.Join(s.process.signal(syscall.SIGKILL), s.group.Kill(ctx))
}

func (s *shell) removeGroup() error {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	return s.group.Remove(ctx)
}

// close takes everything back.
func (s *shell) close() error { return s.undo.run() }
