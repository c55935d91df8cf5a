package sandbox

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// scratch is the part of a root filesystem that a sandbox writes to: one filesystem
// in memory, whose size bounds all that is written to the root, /dev and /dev/shm
// together. What is on it counts as memory of the sandbox.
type scratch struct {
	tmpfs   *os.File // a detached mount
	firstID uint32   // owner of what is in it
}

const (
	defaultEphemeralMB = 512
	inodesPerMB        = 256 // one for each page: more cannot hold anything
)

// newScratch makes the filesystem and what every sandbox has in it: "upper" and "work"
// for an overlay, "dev" and "shm". All paths are new, so that nothing an image holds
// can lead them elsewhere: what the image has under the same names is merged when it is
// a folder, and hidden otherwise.
func newScratch(firstID uint32) (*scratch, error) {
	tmpfs, err := mountTmpfs(defaultEphemeralMB)
	if err != nil {
		return nil, fmt.Errorf("make scratch: %w", err)
	}
	s := &scratch{tmpfs, firstID}
	if err := s.fill(int(tmpfs.Fd())); err != nil {
		return nil, errors.Join(fmt.Errorf("fill scratch: %w", err), s.close())
	}
	return s, nil
}

func (s *scratch) close() error { return s.tmpfs.Close() }

// sizeOptions are options of tmpfs(5).
func sizeOptions(megabytes int) [][2]string {
	return [][2]string{{"size", fmt.Sprintf("%dm", megabytes)}, {"nr_inodes", fmt.Sprint(megabytes * inodesPerMB)}}
}

func mountTmpfs(megabytes int) (*os.File, error) {
	f, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(f)
	if err := configure(f, append(sizeOptions(megabytes), [2]string{"mode", "0755"})); err != nil {
		return nil, err
	}
	if err := unix.FsconfigCreate(f); err != nil {
		return nil, err
	}
	m, err := unix.Fsmount(f, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(m), "scratch"), nil
}

func configure(f int, options [][2]string) error {
	for _, o := range options {
		if err := unix.FsconfigSetString(f, o[0], o[1]); err != nil {
			return fmt.Errorf("%s: %w", o[0], err)
		}
	}
	return nil
}

// resize gives the filesystem another size than the default; 0 is the default.
func (s *scratch) resize(megabytes int) error {
	if megabytes == 0 || megabytes == defaultEphemeralMB {
		return nil
	}
	f, err := unix.Fspick(int(s.tmpfs.Fd()), "", unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("resize scratch: %w", err)
	}
	defer unix.Close(f)
	if err := configure(f, sizeOptions(megabytes)); err != nil {
		return fmt.Errorf("resize scratch: %w", err)
	}
	if err := unix.FsconfigReconfigure(f); err != nil {
		return fmt.Errorf("resize scratch: %w", err)
	}
	return nil
}

// name writes the files that name the machine. Without dns the image's resolv.conf
// stays.
func (s *scratch) name(hostname string, dns []netip.Addr) error {
	files := map[string]string{
		"upper/etc/hostname": hostname + "\n",
		"upper/etc/hosts":    "127.0.0.1\tlocalhost " + hostname + "\n::1\tlocalhost ip6-localhost ip6-loopback\n",
	}
	if len(dns) > 0 {
		var b strings.Builder
		for _, server := range dns {
			fmt.Fprintf(&b, "nameserver %s\n", server)
		}
		files["upper/etc/resolv.conf"] = b.String()
	}
	for path, text := range files {
		if err := s.writeFile(int(s.tmpfs.Fd()), path, text); err != nil {
			return &os.PathError{Op: "write", Path: path, Err: err}
		}
	}
	return nil
}

// fill makes the folders, files and devices that every sandbox has.
func (s *scratch) fill(at int) error {
	for _, dir := range []struct {
		path string
		mode uint32
	}{
		{"work", 0o755}, {"upper", 0o755}, {"shm", 0o1777}, {"dev", 0o755}, {"dev/pts", 0o755}, {"dev/shm", 0o755},
		{"upper/dev", 0o755}, {"upper/etc", 0o755}, {"upper/proc", 0o555}, {"upper/sys", 0o555}, {"upper/tmp", 0o1777},
	} {
		if err := s.mkdir(at, dir.path, dir.mode); err != nil {
			return &os.PathError{Op: "mkdir", Path: dir.path, Err: err}
		}
	}
	return s.devices(at)
}

func (s *scratch) mkdir(at int, path string, mode uint32) error {
	return errors.Join(
		unix.Mkdirat(at, path, mode),
		unix.Fchmodat(at, path, mode, 0), // whatever the server's umask is
		unix.Fchownat(at, path, int(s.firstID), int(s.firstID), 0))
}

func (s *scratch) writeFile(at int, path, text string) error {
	fd, err := unix.Openat(at, path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		return err
	}
	return errors.Join(unix.Fchmod(fd, 0o644), unix.Fchown(fd, int(s.firstID), int(s.firstID)))
}

// devices makes the nodes and links of a minimal /dev. The kernel lets them be used
// because the filesystem was made outside of the sandbox; inside none can be made.
func (s *scratch) devices(at int) error {
	for _, d := range []struct {
		name         string
		major, minor uint32
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}} {
		path := "dev/" + d.name
		if err := errors.Join(
			unix.Mknodat(at, path, unix.S_IFCHR|0o666, int(unix.Mkdev(d.major, d.minor))),
			unix.Fchmodat(at, path, 0o666, 0),
			unix.Fchownat(at, path, int(s.firstID), int(s.firstID), 0)); err != nil {
			return &os.PathError{Op: "mknod", Path: path, Err: err}
		}
	}
	for _, l := range [][2]string{
		{"pts/ptmx", "ptmx"}, {"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
	} {
		if err := unix.Symlinkat(l[0], at, "dev/"+l[1]); err != nil {
			return &os.PathError{Op: "symlink", Path: "dev/" + l[1], Err: err}
		}
	}
	return nil
}
