package packager

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// trimmed are the parts of a Debian system that no function needs: documentation,
// translations, and what manages packages, which were only unpacked.
func trimmed() []string {
	return []string{
		"boot", "dev", "proc", "sys", "run",
		"usr/share/bash-completion", "usr/share/bug", "usr/share/debconf", "usr/share/doc", "usr/share/doc-base",
		"usr/share/dpkg", "usr/share/gcc", "usr/share/gdb", "usr/share/info", "usr/share/lintian", "usr/share/locale",
		"usr/share/man", "usr/share/menu", "usr/share/perl5", "usr/share/pixmaps", "usr/share/polkit-1",
		"usr/lib/x86_64-linux-gnu/perl-base", "usr/lib/aarch64-linux-gnu/perl-base", "usr/lib/dpkg", "usr/lib/apt",
		"usr/lib/systemd", "usr/lib/python3.13/test", "usr/sbin",
		"var/lib/dpkg", "var/lib/apt", "var/cache", "var/log", "etc/apt", "etc/dpkg", "etc/cron.daily",
	}
}

// trimmedLayer makes a layer of a Debian system in a tar, without what is trimmed.
func (p *Packager) trimmedLayer(ctx context.Context, archive string) (v1.Layer, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, w := io.Pipe()
	go func() { w.CloseWithError(trim(w, bufio.NewReaderSize(f, 1<<20))) }()
	defer r.Close()
	return p.store.AddLayer(ctx, r)
}

// trim copies a tar. Times become the epoch: they are those of the making.
func trim(w io.Writer, r io.Reader) error {
	tr, tw := tar.NewReader(r), tar.NewWriter(w)
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return tw.Close()
		}
		if err != nil {
			return err
		}
		name := strings.Trim(path.Clean("/"+hdr.Name), "/")
		if name == "" || isTrimmed(name) || !isPlain(hdr.Typeflag) {
			continue
		}
		hdr.ModTime, hdr.AccessTime, hdr.ChangeTime = time.Unix(0, 0), time.Time{}, time.Time{}
		hdr.Uname, hdr.Gname = "", ""
		hdr.Format, hdr.PAXRecords = tar.FormatUnknown, nil
		hdr.Name = name
		if hdr.Typeflag == tar.TypeDir {
			hdr.Name += "/"
		}
		if err := tw.WriteHeader(hdr); err != nil {
			return err
		}
		if _, err := io.Copy(tw, tr); err != nil {
			return err
		}
	}
}

func isTrimmed(name string) bool {
	return slices.ContainsFunc(trimmed(), func(part string) bool {
		return name == part || strings.HasPrefix(name, part+"/")
	})
}

func isPlain(kind byte) bool {
	return kind == tar.TypeReg || kind == tar.TypeDir || kind == tar.TypeSymlink || kind == tar.TypeLink
}
