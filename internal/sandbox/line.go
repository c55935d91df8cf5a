package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// line is the host's end of the connection to a sandbox's init.
type line struct {
	conn *net.UnixConn
}

// newLine makes a connection; the second value is the init's end.
func newLine() (*line, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "host"), os.NewFile(uintptr(fds[1]), "init")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return &line{conn.(*net.UnixConn)}, theirs, nil
}

// ask has the shell execute a program, and waits for how that went. The error is a
// *guest.Failure, io.EOF when the connection ended, or the context's.
func (l *line) ask(ctx context.Context, p *guest.Program, files ...*os.File) error {
	if err := l.send(ctx, p, files); err != nil {
		return err
	}
	return l.reply(ctx, p)
}

func (l *line) send(ctx context.Context, p *guest.Program, files []*os.File) error {
	if len(files) > guest.MaxFiles {
		return slipway.Errorf(slipway.ErrInvalid, "%d mounts and streams: a sandbox can have %d together", len(files), guest.MaxFiles)
	}
	b, rights := p.Encode(), []byte(nil)
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = syscall.UnixRights(fds...)
	}
	return l.during(ctx, func() error {
		n, _, err := l.conn.WriteMsgUnix(b, rights, nil)
		if err == nil && n < len(b) {
			_, err = l.conn.Write(b[n:])
		}
		return err
	})
}

func (l *line) reply(ctx context.Context, p *guest.Program) error {
	return l.during(ctx, func() error {
		var b [guest.ReplySize]byte
		if _, err := io.ReadFull(l.conn, b[:]); err != nil {
			return err
		}
		if f := p.Failure(guest.DecodeReply(b)); f != nil {
			return f
		}
		return nil
	})
}

// during breaks a read or write off when ctx ends.
func (l *line) during(ctx context.Context, f func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetDeadline(longAgo()) })
	defer stop()
	err := f()
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	}
	return err
}

func (l *line) close() error { return l.conn.Close() }

var errInitDied = errors.New("the sandbox's init died")

// explain turns an error of the line into one for a person: a step that the image
// made fail is ErrInvalid, and an end of the connection says how the init died.
func (s *shell) explain(err error) error {
	var f *guest.Failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f) && f.User:
		return &slipway.Error{Kind: slipway.ErrInvalid, Message: f.Error(), Cause: f.Errno}
	case errors.As(err, &f):
		return &slipway.Error{Kind: slipway.ErrInternal, Message: f.Error(), Cause: f.Errno}
	case errors.Is(err, io.EOF):
		<-s.process.done
		return fmt.Errorf("%w: %s", errInitDied, exitOf(s.process, 0, 0))
	}
	return err
}

// longAgo is the deadline that breaks off what waits now.
func longAgo() time.Time { return time.Unix(1, 0) }
