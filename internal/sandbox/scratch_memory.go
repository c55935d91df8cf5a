package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// sizeOptions are options of tmpfs(5).
func sizeOptions(megabytes int) [][2]string {
	return [][2]string{{"size", fmt.Sprintf("%dm", megabytes)}, {"nr_inodes", fmt.Sprint(megabytes * inodesPerMB)}}
}

func mountTmpfs(megabytes int) (*os.File, error) {
	return fsmount("tmpfs", append(sizeOptions(megabytes), [2]string{"mode", "0755"}))
}

func resizeTmpfs(mount *os.File, megabytes int) error {
	f, err := unix.Fspick(int(mount.Fd()), "", unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(f)
	if err := configure(f, sizeOptions(megabytes)); err != nil {
		return err
	}
	return unix.FsconfigReconfigure(f)
}

// fsmount makes a filesystem's mount that is attached nowhere. An option without a value
// is a flag.
func fsmount(fstype string, options [][2]string) (*os.File, error) {
	f, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(f)
	if err := configure(f, options); err != nil {
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
		set := func() error { return unix.FsconfigSetString(f, o[0], o[1]) }
		if o[1] == "" {
			set = func() error { return unix.FsconfigSetFlag(f, o[0]) }
		}
		if err := set(); err != nil {
			return fmt.Errorf("%s: %w", o[0], err)
		}
	}
	return nil
}
