package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

const (
	ext4Block     = 4096
	ext4Inode     = 256  // bytes, with room for overlay's attributes
	bytesPerInode = 8192 // so 128 files for each MiB

	// Named one by one, whatever this machine's mke2fs.conf says. There is no journal:
	// nothing is to be recovered.
	features = "none,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum"
)

// sizeFor is how large a file must be for its filesystem to hold so many MiB: the table
// of inodes takes a part in 32, bitmaps and descriptors some blocks, and ext4 keeps a
// part in 50 to itself, 16 MiB at most.
func sizeFor(megabytes int) int64 {
	size := int64(megabytes) << 20
	size += size/(bytesPerInode/ext4Inode-1) + size>>12 + 256<<10
	size += min(size/49, 16<<20)
	return size / ext4Block * ext4Block
}

// template is an empty filesystem: what mke2fs(8) writes is some ten pieces, and the
// same for all of a size.
type template struct {
	size   int64
	pieces []piece
}

type piece struct {
	at   int64
	data []byte
}

// format has a filesystem made on a file and remembers it.
func format(file *os.File, size int64) (*template, error) {
	program, err := findProgram("mke2fs")
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrUnavailable, "%w: install e2fsprogs, or keep scratch in memory (--scratch memory)", err)
	}
	mke2fs := exec.Command(program, "-q", "-F", "-t", "ext4", "-m", "0", "-e", "remount-ro",
		"-b", fmt.Sprint(ext4Block), "-I", fmt.Sprint(ext4Inode), "-i", fmt.Sprint(bytesPerInode),
		"-O", features, "-E", "lazy_itable_init=1,nodiscard", "/proc/self/fd/3")
	mke2fs.ExtraFiles = []*os.File{file}
	if said, err := mke2fs.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mke2fs: %w: %s", err, bytes.TrimSpace(said))
	}
	t := &template{size: size}
	for at := int64(0); ; {
		p, err := nextPiece(file, at)
		if errors.Is(err, unix.ENXIO) { // nothing but holes
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read what mke2fs wrote: %w", err)
		}
		t.pieces = append(t.pieces, p)
		at = p.at + int64(len(p.data))
	}
}

// findProgram looks for a program of administrators: their folders are not in everyone's
// PATH.
func findProgram(name string) (string, error) {
	found, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err != nil {
			found, err = exec.LookPath(dir + "/" + name)
		}
	}
	return found, err
}

// nextPiece reads what lies between two holes (lseek(2)).
func nextPiece(file *os.File, from int64) (piece, error) {
	start, err := unix.Seek(int(file.Fd()), from, unix.SEEK_DATA)
	if err != nil {
		return piece{}, err
	}
	end, err := unix.Seek(int(file.Fd()), start, unix.SEEK_HOLE)
	if err != nil {
		return piece{}, err
	}
	data := make([]byte, end-start)
	_, err = io.ReadFull(io.NewSectionReader(file, start, end-start), data)
	return piece{start, data}, err
}

func (t *template) writeTo(file *os.File) error {
	for _, p := range t.pieces {
		if _, err := file.WriteAt(p.data, p.at); err != nil {
			return err
		}
	}
	return nil
}
