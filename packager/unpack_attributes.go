package packager

import (
	"archive/tar"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	slipway "github.com/slipway-run/slipway"

	"golang.org/x/sys/unix"
)

// setAttributes gives an open file or folder its owner, mode, extended attributes
// and time, in the order that keeps each: a change of owner takes setuid bits and
// capabilities away, and everything changes the time.
func (u *unpacker) setAttributes(fd int, hdr *tar.Header) error {
	if err := checkOwner(hdr); err != nil {
		return err
	}
	if err := unix.Fchown(fd, u.owners.of(hdr.Uid), u.owners.of(hdr.Gid)); err != nil {
		return fmt.Errorf("set its owner: %w", err)
	}
	if err := unix.Fchmod(fd, mode(hdr)); err != nil {
		return fmt.Errorf("set its mode: %w", err)
	}
	if err := u.setXattrs(fd, hdr); err != nil {
		return err
	}
	if err := unix.UtimesNanoAt(fd, "", timespecs(hdr.ModTime), unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("set its time: %w", err)
	}
	return nil
}

// setLinkAttributes is setAttributes for a symbolic link, which has no mode and can
// have none of the extended attributes that are kept.
func (u *unpacker) setLinkAttributes(dir int, base string, hdr *tar.Header) error {
	if err := checkOwner(hdr); err != nil {
		return err
	}
	if err := unix.Fchownat(dir, base, u.owners.of(hdr.Uid), u.owners.of(hdr.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set its owner: %w", err)
	}
	if err := unix.UtimesNanoAt(dir, base, timespecs(hdr.ModTime), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set its time: %w", err)
	}
	return nil
}

// setSpecialAttributes is setAttributes for a fifo, which must not be opened.
func (u *unpacker) setSpecialAttributes(dir int, base string, hdr *tar.Header) error {
	fd, err := unix.Openat(dir, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := checkOwner(hdr); err != nil {
		return err
	}
	if err := unix.Fchownat(dir, base, u.owners.of(hdr.Uid), u.owners.of(hdr.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set its owner: %w", err)
	}
	if err := unix.Chmod(procFD(fd), mode(hdr)); err != nil {
		return fmt.Errorf("set its mode: %w", err)
	}
	return unix.UtimesNanoAt(dir, base, timespecs(hdr.ModTime), unix.AT_SYMLINK_NOFOLLOW)
}

// setXattrs keeps what means something to a program in a sandbox: file capabilities
// and the user's own attributes. Others belong to the machine that made the layer
// (labels, access control lists) or would be orders to overlayfs.
func (u *unpacker) setXattrs(fd int, hdr *tar.Header) error {
	const prefix = "SCHILY.xattr."
	for record, value := range hdr.PAXRecords {
		name, ok := strings.CutPrefix(record, prefix)
		if !ok || !keepXattr(name) {
			continue
		}
		err := unix.Fsetxattr(fd, name, []byte(value), 0)
		switch {
		case err == nil:
		case errors.Is(err, unix.ENOTSUP):
			u.log.Warn("the filesystem of the image store cannot hold an extended attribute", "file", hdr.Name, "attribute", name)
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE), errors.Is(err, unix.E2BIG):
			return slipway.Errorf(slipway.ErrInvalid, "its extended attribute %s is not one that can be set: %w", quote(name), err)
		default:
			return fmt.Errorf("set its extended attribute %s: %w", quote(name), err)
		}
	}
	return nil
}

func keepXattr(name string) bool {
	return name == "security.capability" ||
		strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "user.overlay.")
}

// checkOwner refuses ids that the kernel does not have; -1 would mean "leave it".
func checkOwner(hdr *tar.Header) error {
	for _, id := range []int{hdr.Uid, hdr.Gid} {
		if id < 0 || int64(id) >= math.MaxUint32 {
			return slipway.Errorf(slipway.ErrInvalid, "its owner %d is not a user or group id", id)
		}
	}
	return nil
}

// mode is the permission bits with setuid, setgid and sticky, as chmod(2) has them.
func mode(hdr *tar.Header) uint32 { return uint32(hdr.Mode) & 0o7777 }

// timespecs are the times of access and modification. One beyond what the filesystem
// holds is cut by the kernel.
func timespecs(at time.Time) []unix.Timespec {
	if at.IsZero() {
		at = time.Unix(0, 0)
	}
	ts := unix.Timespec{Sec: at.Unix(), Nsec: int64(at.Nanosecond())}
	return []unix.Timespec{ts, ts}
}
