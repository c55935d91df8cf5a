package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// Start executes the process; see [slipway.Sandbox].
func (s *Sandbox) Start(ctx context.Context, stdio slipway.Stdio) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return slipway.Errorf(slipway.ErrConflict, "start sandbox %s: it was started already", s.id)
	}
	s.started = true
	if err := s.start(ctx, stdio); err != nil {
		return kinded(fmt.Errorf("start sandbox %s: %w", s.id, err))
	}
	return nil
}

func (s *Sandbox) start(ctx context.Context, stdio slipway.Stdio) error {
	var files []*os.File
	for _, f := range []*os.File{stdio.Stdin, stdio.Stdout, stdio.Stderr} {
		if f == nil {
			continue
		}
		if err := openToAll(f); err != nil {
			return err
		}
		files = append(files, f)
	}
	if stdio.Stdin != nil {
		id, err := identify(stdio.Stdin)
		if err != nil {
			return fmt.Errorf("look at standard input: %w", err)
		}
		s.stdin = id
	}
	message := guest.Start{Stdin: stdio.Stdin != nil, Stdout: stdio.Stdout != nil, Stderr: stdio.Stderr != nil}
	if err := s.execute(ctx, message, files); err != nil {
		return err
	}
	if s.limits != nil {
		return s.shell.group.Limit(*s.limits)
	}
	return nil
}

// execute tells the init to become the process. It answers just before it does; then
// the end of the connection says that it has, another answer that it could not.
func (s *Sandbox) execute(ctx context.Context, message guest.Start, files []*os.File) error {
	sh := s.shell
	if err := sh.line.ask(ctx, message, files...); err != nil {
		return sh.explain(err)
	}
	if err := sh.line.reply(ctx); !errors.Is(err, io.EOF) {
		return sh.explain(err)
	}
	return nil
}

// openToAll lets every user of the sandbox open a pipe again by its name in
// /proc/self/fd, as programs do that are told to log to /dev/stdout. Nobody else can
// reach it there.
func openToAll(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at a standard stream: %w", err)
	}
	if st.Mode()&os.ModeNamedPipe == 0 {
		return nil
	}
	if err := f.Chmod(0o666); err != nil {
		return fmt.Errorf("open a standard stream to the user: %w", err)
	}
	return nil
}

// fileID tells open files apart.
type fileID struct{ dev, ino uint64 }

func identify(f *os.File) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return fileID{}, os.NewSyscallError("fstat", err)
	}
	return fileID{st.Dev, st.Ino}, nil
}
