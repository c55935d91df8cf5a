package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// enterContainer makes the root as enter does, and puts a container in the place of the
// shell's init, which is of no more use.
func (s *Sandbox) enterContainer(ctx context.Context, rt Runtime, oci *specs.Spec, spec slipway.SandboxSpec) error {
	sh := s.shell
	if err := sh.endInit(); err != nil {
		return err
	}
	t, err := s.open(oci, spec)
	defer func() { closeAll(t.parts) }()
	if err != nil {
		return err
	}
	c, err := newContainer(ctx, rt, s.native.bundleOf(s.id), sh.group, t)
	if err != nil {
		return err
	}
	s.container, sh.process = c, c.process
	sh.undo.add(c.close)
	sh.undo.add(c.delete)
	return c.bundle.link(sh.userns, sh.netns)
}

// endInit ends the init of a shell that is to have another one.
func (s *shell) endInit() error {
	if err := s.process.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-s.process.done
	return nil
}

// executeInContainer has the runtime make the container and execute the program. What
// is wrong with the program is found out before: a runtime says it in words of its own,
// or in the program's name when it is too late to say it to us.
func (s *Sandbox) executeInContainer(ctx context.Context, m guest.Start, stdio slipway.Stdio) (err error) {
	if err := s.checkProgram(m); err != nil {
		return err
	}
	spec, err := s.containerSpec(s.container, m)
	if err != nil {
		return err
	}
	c := s.container
	defer func() {
		if err != nil {
			err = errors.Join(err, c.kill())
			c.finish(0, err)
		}
	}()
	if err := c.bundle.write(spec); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	streams, done, err := streamsOf(stdio)
	if err != nil {
		return err
	}
	defer done()
	if err := c.create(ctx, streams); err != nil {
		return err
	}
	if err := c.group.Limit(limitsOf(s.oci.Linux.Resources)); err != nil {
		return err
	}
	s.running = true
	return c.start(ctx)
}

// streamsOf are the standard streams, all three.
func streamsOf(stdio slipway.Stdio) (streams []*os.File, done func() error, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range []*os.File{stdio.Stdin, stdio.Stdout, stdio.Stderr} {
		if f == nil {
			f = null
		}
		streams = append(streams, f)
	}
	return streams, null.Close, nil
}

// killContainer ends what runs, or what is just being started, which breaks off.
func (s *Sandbox) killContainer() error {
	s.container.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.container.kill()
	if !s.running {
		s.container.finish(killed, nil)
	}
	return err
}
