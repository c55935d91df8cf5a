package sandbox

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// scratch is the part of a root filesystem that a sandbox writes to. It has two places,
// whose sizes are bounded:
//
//	upper    "upper" and "work" of the overlay: all that is written to the root
//	memory   "dev" and "shm": /dev and /dev/shm, a tmpfs
//
// They are the same filesystem unless the runtime keeps scratch on disk. What is in
// memory counts as memory of the sandbox.
type scratch struct {
	memory, upper *os.File // detached mounts; upper is nil until its size is known
	privileges    privileges
	disks         *disks // where upper comes from; nil when it is memory
	megabytes     int
	servers       []netip.Addr // that resolv.conf names
	firstID       uint32       // owner of what is in it
}

const (
	defaultEphemeralMB = 512
	inodesPerMB        = 256 // of a tmpfs: one for each page, more cannot hold anything
)

// newScratch makes what is in memory, of the default size, and what every sandbox has in
// it; a disk is made by resize. All paths are new, so that nothing an image holds can
// lead them elsewhere: what the image has under the same names is merged when it is a
// folder, and hidden otherwise.
func newScratch(p privileges, d *disks, firstID uint32) (_ *scratch, err error) {
	s := &scratch{privileges: p, disks: d, megabytes: defaultEphemeralMB, firstID: firstID}
	if s.memory, err = mountTmpfs(s.megabytes); err != nil {
		return nil, fmt.Errorf("make scratch: %w", err)
	}
	err = s.fillMemory()
	if err == nil && d == nil {
		err = s.makeUpper()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make scratch: %w", err), s.close())
	}
	return s, nil
}

func (s *scratch) close() error {
	err := s.closeUpper()
	return errors.Join(err, s.memory.Close())
}

// makeUpper makes the upper place.
func (s *scratch) makeUpper() (err error) {
	s.upper = s.memory
	if s.disks != nil {
		if s.upper, err = s.disks.mount(s.megabytes); err != nil {
			return err
		}
	}
	return s.fillUpper()
}

func (s *scratch) closeUpper() error {
	if s.upper == nil || s.upper == s.memory {
		return nil
	}
	return s.upper.Close()
}

// resize gives the filesystems the size that is asked for; 0 is the default. A disk of
// another size gives way to a new one.
func (s *scratch) resize(megabytes int) error {
	if megabytes == 0 {
		megabytes = defaultEphemeralMB
	}
	if megabytes != s.megabytes {
		s.megabytes = megabytes
		if err := resizeTmpfs(s.memory, megabytes); err != nil {
			return fmt.Errorf("resize scratch: %w", err)
		}
		if s.disks != nil && s.upper != nil {
			go s.upper.Close() // the kernel takes its time for that
			s.upper = nil
		}
	}
	if s.upper != nil {
		return nil
	}
	if err := s.makeUpper(); err != nil {
		return fmt.Errorf("make scratch: %w", err)
	}
	return nil
}

// fit gives it the size and the name of a sandbox.
func (s *scratch) fit(megabytes int, hostname string) error {
	if err := s.resize(megabytes); err != nil {
		return err
	}
	return s.name(hostname)
}

// The files that name the machine.
const (
	hostnameFile = "upper/etc/hostname"
	hostsFile    = "upper/etc/hosts"
	resolvFile   = "upper/etc/resolv.conf"
)

// name fills the files that say how the sandbox is called.
func (s *scratch) name(hostname string) error {
	return errors.Join(
		s.write(hostnameFile, 0, hostname+"\n"),
		s.write(hostsFile, 0, "127.0.0.1\tlocalhost "+hostname+"\n::1\tlocalhost ip6-localhost ip6-loopback\n"))
}

// resolve says where names are looked up. Without servers the image's resolv.conf stays.
func (s *scratch) resolve(servers []netip.Addr) error {
	if s.servers = servers; len(servers) == 0 || s.upper == nil { // a disk is told when it is made
		return nil
	}
	var b strings.Builder
	for _, server := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", server)
	}
	return errors.Join(s.newFile(resolvFile), s.write(resolvFile, 0, b.String()))
}

// folder is one to be made.
type folder struct {
	path string
	mode uint32
}

// fillMemory makes the folders and devices that every sandbox has in memory.
func (s *scratch) fillMemory() error {
	at := int(s.memory.Fd())
	err := s.mkdirs(at, []folder{{"shm", 0o1777}, {"dev", 0o755}, {"dev/pts", 0o755}, {"dev/shm", 0o755}})
	if err != nil {
		return err
	}
	return s.devices(at)
}

// fillUpper makes the folders and files that every sandbox has in its root.
func (s *scratch) fillUpper() error {
	err := s.mkdirs(int(s.upper.Fd()), []folder{
		{"work", 0o755}, {"upper", 0o755}, {"upper/dev", 0o755}, {"upper/etc", 0o755},
		{"upper/proc", 0o555}, {"upper/sys", 0o555}, {"upper/tmp", 0o1777},
	})
	if err != nil {
		return err
	}
	return errors.Join(s.newFile(hostnameFile), s.newFile(hostsFile), s.resolve(s.servers))
}

func (s *scratch) mkdirs(at int, folders []folder) error {
	for _, f := range folders {
		if err := errors.Join(
			unix.Mkdirat(at, f.path, f.mode),
			unix.Fchmodat(at, f.path, f.mode, 0), // whatever the server's umask is
			unix.Fchownat(at, f.path, int(s.firstID), int(s.firstID), 0)); err != nil {
			return &os.PathError{Op: "mkdir", Path: f.path, Err: err}
		}
	}
	return nil
}

// newFile makes an empty file.
func (s *scratch) newFile(path string) error {
	if err := s.write(path, unix.O_CREAT|unix.O_EXCL, ""); err != nil {
		return err
	}
	at := int(s.upper.Fd())
	if err := errors.Join(
		unix.Fchmodat(at, path, 0o644, 0),
		unix.Fchownat(at, path, int(s.firstID), int(s.firstID), 0)); err != nil {
		return &os.PathError{Op: "make", Path: path, Err: err}
	}
	return nil
}

func (s *scratch) write(path string, flags int, text string) error {
	fd, err := unix.Openat(int(s.upper.Fd()), path, unix.O_WRONLY|unix.O_CLOEXEC|flags, 0o644)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

// devices makes the nodes and links of a minimal /dev.
func (s *scratch) devices(at int) error {
	for _, d := range devices() {
		path := "dev/" + d.name
		if err := errors.Join(
			s.privileges.device(at, path, d),
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
