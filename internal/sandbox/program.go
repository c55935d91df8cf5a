package sandbox

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// checkProgram says what execve(2) would say to a program, where it is not this package
// that asks the kernel.
func (s *Sandbox) checkProgram(m guest.Start) error {
	if fd, err := openIn(s.root, m.Dir, unix.O_PATH|unix.O_DIRECTORY); err == nil {
		unix.Close(fd)
	} else if errors.Is(err, unix.ENOTDIR) { // one that is missing is made
		return slipway.Errorf(slipway.ErrInvalid, "enter working directory %s: %w", m.Dir, unix.ENOTDIR)
	}
	for _, file := range m.Candidates {
		errno := s.whyNot(path.Join("/", m.Dir), file)
		if errno == 0 {
			return nil
		}
		if len(m.Candidates) == 1 || errno == unix.ENOEXEC {
			return s.explainExec(m, &guest.Failure{Errno: errno, User: true})
		}
	}
	return s.explainExec(m, nil)
}

// whyNot is why a file cannot be executed; 0 when it can be, or only the kernel knows.
func (s *Sandbox) whyNot(dir, file string) unix.Errno {
	if !path.IsAbs(file) {
		file = path.Join(dir, file)
	}
	if s.isMounted(file) {
		return 0
	}
	f, err := s.openProgram(file)
	if err != nil {
		var errno unix.Errno
		errors.As(err, &errno)
		return errno
	}
	defer f.Close()
	interpreter, ok := interpreterOf(f)
	switch {
	case !ok:
		return unix.ENOEXEC
	case interpreter == "":
		return 0
	case !path.IsAbs(interpreter):
		interpreter = path.Join(dir, interpreter)
	}
	if s.isMounted(interpreter) {
		return 0
	}
	if _, err := s.modeOf(interpreter, interpreter); err != nil {
		return unix.ENOENT
	}
	return 0
}

// openProgram opens a file that may be executed by anyone at all.
func (s *Sandbox) openProgram(file string) (*os.File, error) {
	mode, err := s.modeOf(file, file)
	switch {
	case err != nil:
		return nil, err
	case mode&unix.S_IFMT != unix.S_IFREG || mode&0o111 == 0:
		return nil, unix.EACCES
	}
	fd, err := openIn(s.root, file, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), file), nil
}

// isMounted says whether a file is on a mount of the specification, which the root is
// looked at without.
func (s *Sandbox) isMounted(file string) bool {
	for _, m := range s.oci.Mounts {
		if file == m.Destination || strings.HasPrefix(file, m.Destination+"/") {
			return true
		}
	}
	return false
}

// interpreterOf is the program that the kernel runs to run a file: that of a script's
// first line, or the loader of an ELF file (elf(5)); "" is none. It is false when the
// file is neither.
func interpreterOf(f *os.File) (name string, ok bool) {
	head := make([]byte, 256) // as much of a script's first line as the kernel reads
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return "", false
	}
	head = head[:n]
	if line, isScript := bytes.CutPrefix(head, []byte("#!")); isScript {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		words := strings.Fields(string(line))
		if len(words) == 0 {
			return "", false
		}
		return words[0], true
	}
	if !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return "", false
	}
	return loaderOf(f), true
}

// loaderOf is "" also for a file that cannot be understood: the kernel decides then.
func loaderOf(f *os.File) string {
	file, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	for _, p := range file.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > unix.PathMax {
			continue
		}
		name, err := io.ReadAll(p.Open())
		if err == nil {
			return strings.TrimRight(string(name), "\x00")
		}
	}
	return ""
}
