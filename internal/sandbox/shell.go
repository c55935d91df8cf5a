package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// shell is a blank sandbox: namespaces, control group and an init that waits. Nothing
// in it depends on what will run, so it can be made before anyone asks for it.
type shell struct {
	firstID uint32
	group   *cgroup.Group
	process *process
	line    *line
	netns   *os.File
	knocker atomic.Pointer[os.File] // a socket in it, for Await
	userns  *os.File
	scratch *scratch
	link    Link // to the outside; noLink when it has none

	undo undo
}

// endTimeout bounds how long the end of a sandbox may take. SIGKILL needs the kernel
// only, so that passing it means a process that hangs in the kernel.
const endTimeout = 10 * time.Second

// newShell makes a shell, ahead of anyone who asks for it or for someone who waits. On an
// error nothing is left.
func (n *Native) newShell(ctx context.Context, k kind, ahead bool) (_ *shell, err error) {
	s := &shell{link: noLink{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	var name string
	if s.firstID, name, err = n.ids.take(); err != nil {
		return nil, err
	}
	s.undo.add(func() error { n.ids.give(s.firstID); return nil })
	if s.group, err = n.cgroups.New(n.cfg.Name+"/"+name, cgroup.Limits{}); err != nil {
		return nil, err
	}
	s.undo.add(s.removeGroup)
	if err := s.spawn(n.spawner, n.ids.count()); err != nil {
		return nil, err
	}
	if err := s.openNamespaces(); err != nil {
		return nil, err
	}
	program, err := s.begin(ctx, n.setup)
	if err != nil {
		return nil, err
	}
	if err := s.newKnocker(); err != nil { // while the init works
		return nil, err
	}
	if s.scratch, err = newScratch(n.privileges, n.disks, s.firstID); err != nil {
		return nil, err
	}
	s.undo.add(s.scratch.close)
	if ahead {
		if err := s.scratch.resize(0); err != nil { // the size that most will ask for
			return nil, err
		}
	}
	if k == linked {
		if err := s.connect(ctx, n.cfg.Egress); err != nil {
			return nil, err
		}
	}
	if err := s.scratch.resolve(s.link.DNS()); err != nil {
		return nil, err
	}
	return s, s.explain(s.line.reply(ctx, program))
}

// begin sends the first program, with which the init joins the groups that it was not
// born in.
func (s *shell) begin(ctx context.Context, setup guest.Setup) (*guest.Program, error) {
	groups, err := s.group.Joins()
	if err != nil {
		return nil, err
	}
	defer closeAll(groups)
	setup.Groups = len(groups)
	p := setup.Program()
	return p, s.explain(s.line.send(ctx, p, groups))
}

// connect attaches the network namespace to the outside. The link has the name of the
// control group, because nothing else is known of the sandbox yet.
func (s *shell) connect(ctx context.Context, egress Egress) error {
	link, err := egress.Attach(ctx, path.Base(s.group.Name()), int(s.netns.Fd()))
	if err != nil {
		return fmt.Errorf("connect the network: %w", err)
	}
	s.link = link
	s.undo.add(link.Close)
	return nil
}

// noLink is what a sandbox without egress has.
type noLink struct{}

func (noLink) DNS() []netip.Addr { return nil }
func (noLink) Close() error      { return nil }

// spawn has the init made and gives it so many ids. It waits for a program meanwhile.
func (s *shell) spawn(spawner *spawner, ids uint32) error {
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
	s.process, err = spawner.spawn(theirs, group)
	if err != nil {
		return fmt.Errorf("start the sandbox's init: %w", hint(err))
	}
	s.undo.add(s.process.close)
	s.undo.add(s.kill)
	return s.mapIDs(ids)
}

// mapIDs makes the ids from 0 in the sandbox the ones from firstID on the host
// (user_namespaces(7)).
func (s *shell) mapIDs(count uint32) error {
	for _, file := range []string{"uid_map", "gid_map"} {
		ids := fmt.Sprintf("0 %d %d", s.firstID, count)
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", s.process.pid, file), []byte(ids), 0); err != nil {
			return fmt.Errorf("map ids: %w", err)
		}
	}
	return nil
}

// hint says what a refusal to make namespaces means.
func hint(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: user namespaces must be allowed; 'slipway doctor' says how", err)
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
