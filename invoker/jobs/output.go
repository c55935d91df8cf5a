package jobs

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-run/slipway"
)

// maxOutputFiles is how many entries an output may have to be kept.
const maxOutputFiles = 100_000

// keepOutput stores what the attempt left in its output folder; nil when that is nothing.
// An output that cannot be kept is no failure of the attempt: the note says why.
func (a *attempt) keepOutput(ctx context.Context) *slipway.JobOutput {
	lasting, ok := a.sandbox.(slipway.Lasting)
	if a.work.OutputMB == 0 || !ok {
		return nil
	}
	folder, err := lasting.OpenFolder(outputFolder)
	if errors.Is(err, slipway.ErrNotFound) { // it was removed
		return nil
	}
	if err == nil {
		defer folder.Close()
		if empty(folder) {
			return nil
		}
		var out *slipway.JobOutput
		if out, err = a.storeOutput(ctx, folder); err == nil {
			out.Attempt = a.work.Attempt
			return out
		}
	}
	if !errors.Is(err, slipway.ErrTooLarge) {
		a.runner.log.Warn("the output of an attempt could not be kept", "job", a.work.Job, "err", err)
	}
	a.say("the output was not kept: " + err.Error())
	return &slipway.JobOutput{Attempt: a.work.Attempt, Note: err.Error()}
}

func empty(folder *os.File) bool {
	names, _ := folder.Readdirnames(1)
	_, err := folder.Seek(0, io.SeekStart)
	return len(names) == 0 && err == nil
}

// storeOutput packs a folder into a file without a name, and stores that by its digest.
func (a *attempt) storeOutput(ctx context.Context, folder *os.File) (*slipway.JobOutput, error) {
	file, err := os.CreateTemp(a.runner.cfg.Dir, "output-")
	if err != nil {
		return nil, fmt.Errorf("pack the output: %w", err)
	}
	defer file.Close()
	if err := os.Remove(file.Name()); err != nil {
		return nil, err
	}
	sum := sha256.New()
	left, err := pack(ctx, io.MultiWriter(file, sum), folder, int64(a.work.OutputMB)<<20)
	if err != nil {
		return nil, err
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	out := &slipway.JobOutput{Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Size: size}
	if left > 0 {
		out.Note = fmt.Sprintf("%d files were left out: devices, pipes, sockets, and links that lead out of the folder", left)
	}
	return out, a.runner.archives.Put(ctx, out.Digest, size, file)
}

// pack writes the files of a folder as tar.gz, at most limit bytes of content, and says how
// many it left out. The folder is the work of a program that may be hostile, and that has
// ended: nothing changes in it any more.
func pack(ctx context.Context, w io.Writer, folder *os.File, limit int64) (left int, err error) {
	root, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", folder.Fd()))
	if err != nil {
		return 0, fmt.Errorf("pack the output: %w", err)
	}
	defer root.Close()
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return 0, err
	}
	p := &packing{ctx: ctx, root: root, tar: tar.NewWriter(zip), limit: limit, links: map[inode]string{}}
	if err := fs.WalkDir(root.FS(), ".", p.visit); err != nil {
		return 0, err
	}
	return p.left, errors.Join(p.tar.Close(), zip.Close())
}

// packing is an output on its way into an archive.
type packing struct {
	ctx   context.Context
	root  *os.Root
	tar   *tar.Writer
	limit int64
	bytes int64
	files int
	left  int
	links map[inode]string // first names of files that have several
}

type inode struct{ dev, ino uint64 }

func (p *packing) visit(name string, e fs.DirEntry, err error) error {
	if err == nil {
		err = p.ctx.Err()
	}
	if err != nil || name == "." {
		return err
	}
	if p.files++; p.files > maxOutputFiles {
		return slipway.Errorf(slipway.ErrTooLarge, "it has more than %d files", maxOutputFiles)
	}
	info, err := e.Info()
	if err != nil {
		return err
	}
	head := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime().Truncate(time.Second), Format: tar.FormatPAX}
	switch {
	case info.IsDir():
		head.Typeflag, head.Name = tar.TypeDir, name+"/"
		return p.tar.WriteHeader(head)
	case info.Mode().IsRegular():
		return p.file(head, info)
	case info.Mode()&fs.ModeSymlink != 0:
		return p.link(head)
	default:
		p.left++
		return nil
	}
}

// file adds a file, or a further name of one that is there.
func (p *packing) file(head *tar.Header, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
		id := inode{uint64(st.Dev), st.Ino}
		if first, ok := p.links[id]; ok {
			head.Typeflag, head.Linkname = tar.TypeLink, first
			return p.tar.WriteHeader(head)
		}
		p.links[id] = head.Name
	}
	// The length counts, and not what it takes on disk: one can be a terabyte of nothing.
	if p.bytes += info.Size(); p.bytes > p.limit {
		return slipway.Errorf(slipway.ErrTooLarge, "it is larger than output_mb, %d", p.limit>>20)
	}
	head.Typeflag, head.Size = tar.TypeReg, info.Size()
	f, err := p.root.OpenFile(head.Name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := p.tar.WriteHeader(head); err != nil {
		return err
	}
	_, err = io.CopyN(p.tar, f, head.Size)
	return err
}

// link adds a symbolic link that stays in the folder.
func (p *packing) link(head *tar.Header) error {
	target, err := p.root.Readlink(head.Name)
	if err != nil {
		return err
	}
	inside := filepath.IsLocal(path.Join(path.Dir(head.Name), target)) && !path.IsAbs(target)
	if _, err := p.root.Stat(head.Name); inside && err != nil && !errors.Is(err, fs.ErrNotExist) {
		inside = false // it leads out by way of another link, or in a circle
	}
	if !inside {
		p.left++
		return nil
	}
	head.Typeflag, head.Linkname = tar.TypeSymlink, target
	return p.tar.WriteHeader(head)
}
