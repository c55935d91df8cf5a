package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

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
	id, err := guest.LookUp(s.oci.Process.User.Username, s.openRegular)
	if err != nil {
		return slipway.Errorf(slipway.ErrInvalid, "look up user: %w", err)
	}
	if err := s.native.checkIdentity(id); err != nil {
		return err
	}
	message, err := startOf(s.oci.Process, id)
	if err != nil {
		return err
	}
	message.OneID = s.native.setup.OneID
	message.Stdin, message.Stdout, message.Stderr = stdio.Stdin != nil, stdio.Stdout != nil, stdio.Stderr != nil
	if s.container != nil {
		return s.executeInContainer(ctx, message, stdio)
	}
	return s.execute(ctx, message, files)
}

// execute has the shell become the process. It answers just before it does; then the
// end of the connection says that it has, another answer that it could not.
func (s *Sandbox) execute(ctx context.Context, message guest.Start, files []*os.File) error {
	sh, program := s.shell, message.Program()
	if err := sh.line.reply(ctx, s.native.seal); err != nil {
		return sh.explain(err)
	}
	if err := sh.line.ask(ctx, program, files...); err != nil {
		return sh.explain(err)
	}
	err := sh.line.reply(ctx, program)
	if errors.Is(err, io.EOF) {
		return nil
	}
	var f *guest.Failure
	if err == nil || errors.As(err, &f) && f.User {
		return s.explainExec(message, f)
	}
	return sh.explain(err)
}

// explainExec says what a person needs to know beyond the kernel's word. Without a
// failure none of several candidates could be executed.
func (s *Sandbox) explainExec(m guest.Start, f *guest.Failure) error {
	errno := unix.ENOENT
	if f != nil {
		errno = f.Errno
	}
	name := m.Args[0]
	for _, file := range m.Candidates {
		mode, err := s.modeOf(path.Join("/", m.Dir, file), file)
		switch {
		case err != nil:
		case errno == unix.ENOENT && mode&0o111 == 0:
			errno = unix.EACCES
		case errno == unix.ENOENT && f == nil && m.Identity.UID != 0:
			errno = unix.EACCES
		case errno == unix.ENOENT:
			return slipway.Errorf(slipway.ErrInvalid, "exec %s: %w: %s is there, but not the loader or interpreter it names", name, errno, file)
		case errno == unix.ENOEXEC:
			return slipway.Errorf(slipway.ErrInvalid, "exec %s: %w: %s is not a program for this machine's processor, or a script without a #! line", name, errno, file)
		}
	}
	if errno == unix.ENOENT && len(m.Candidates) > 1 {
		return slipway.Errorf(slipway.ErrInvalid, "exec %s: %w in any folder of PATH", name, errno)
	}
	return slipway.Errorf(slipway.ErrInvalid, "exec %s: %w", name, errno)
}

// modeOf looks at a file of the sandbox.
func (s *Sandbox) modeOf(inDir, file string) (uint32, error) {
	if path.IsAbs(file) {
		inDir = file
	}
	fd, err := openIn(s.root, inDir, unix.O_PATH)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	return st.Mode, err
}

// openRegular opens a file of the image, but not a pipe that nobody writes to.
func (s *Sandbox) openRegular(name string) (io.ReadCloser, error) {
	fd, err := openIn(s.root, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(errors.New("not a file"), err)
	}
	return f, nil
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
