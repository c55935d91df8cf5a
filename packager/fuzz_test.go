package packager

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	slipway "github.com/slipway-run/slipway"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/testenv"
)

// seeds are layers and archives of everything that extraction has a rule for.
func seeds(t testing.TB) [][]tar.Header {
	device := special(tar.TypeChar, "null", 1, 3)
	capable := with(file("ping", "x"), func(h *tar.Header) {
		h.PAXRecords = map[string]string{"SCHILY.xattr.user.a": "b", "SCHILY.xattr.security.capability": string(capability(unix.CAP_NET_RAW))}
	})
	return [][]tar.Header{
		nil,
		{dir("./"), dir("a"), file("a/b", "content"), symlink("a/c", "b"), hardlink("d", "a/b")},
		{file("../outside", "x"), file("/../outside", "x"), file("a/../../outside", "x")},
		{symlink("a", "/"), file("a/outside", "x")},
		{symlink("a", ".."), file("a/outside", "x"), hardlink("b", "a/outside")},
		{symlink("a", "../outside"), file("a", "x"), file("a/b", "x")},
		{dir("a"), symlink("a/up", ".."), symlink("b", "a/up/.."), file("b/outside", "x")},
		{hardlink("a", "../outside"), hardlink("b", "/outside")},
		{file("a/.wh...", ""), file(".wh..", ""), file(".wh.", ""), file("a/.wh..wh..opq", ""), file(".wh.outside", "")},
		{symlink("a", ".."), file("a/.wh.outside", ""), file("a/.wh..wh..opq", ""), dir("a")},
		{device, special(tar.TypeBlock, "b", 8, 0), special(tar.TypeFifo, "f", 0, 0), special(tar.TypeChar, "w", 0, 0)},
		{capable, with(file("su", "x"), func(h *tar.Header) { h.Mode, h.Uid = 0o7777, 1<<20 })},
	}
}

// FuzzExtractTar: whatever the bytes are, extraction touches nothing outside of its
// folder, leaves no link that leads out, and keeps within its limits.
func FuzzExtractTar(f *testing.F) {
	for _, entries := range seeds(f) {
		plain := tarOf(f, entries...)
		f.Add(plain)
		f.Add(gzipped(f, plain))
		f.Add(zstded(f, plain))
	}
	f.Fuzz(fuzzExtract)
}

// FuzzExtractZip is FuzzExtractTar for the other format.
func FuzzExtractZip(f *testing.F) {
	for _, entries := range seeds(f) {
		f.Add(zipOf(f, entries...))
	}
	f.Fuzz(fuzzExtract)
}

func fuzzExtract(t *testing.T, archive []byte) {
	dst, unchanged := fenced(t)
	err := extract(t.Context(), dst, bytes.NewReader(archive), int64(len(archive)), fuzzLimits)
	unchanged()
	if err != nil {
		wantUserFault(t, err)
		return
	}
	root, err := os.OpenRoot(dst)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	walk(t, dst, func(path string, e fs.DirEntry) {
		rel, err := filepath.Rel(dst, path)
		if err != nil {
			t.Fatal(err)
		}
		// os.Root refuses to follow a link that leads out, with an error of its own.
		if _, err := root.Stat(rel); err != nil && strings.Contains(err.Error(), "escapes") {
			t.Errorf("%q leads out of the folder", rel)
		}
		if e.Type()&^(fs.ModeDir|fs.ModeSymlink) != 0 || stat(t, path).Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			t.Errorf("%q is of type %v", rel, stat(t, path).Mode())
		}
	})
}

// FuzzUnpackLayer: whatever the layer is, unpacking touches nothing outside of its
// folder, makes no device, and keeps within its limits.
func FuzzUnpackLayer(f *testing.F) {
	for _, entries := range seeds(f) {
		f.Add(tarOf(f, entries...))
	}
	f.Fuzz(func(t *testing.T, layer []byte) {
		testenv.Root(t)
		dst, unchanged := fenced(t)
		err := unpackLayer(dst, bytes.NewReader(layer), nil, fuzzLimits, testLog(t))
		unchanged()
		if err != nil {
			wantUserFault(t, err)
		}
		walk(t, dst, func(path string, e fs.DirEntry) {
			var st unix.Stat_t
			if err := unix.Lstat(path, &st); err != nil {
				t.Fatal(err)
			}
			if e.Type()&fs.ModeDevice != 0 && !isWhiteout(&st) {
				t.Errorf("%q is a device", path)
			}
		})
	})
}

var fuzzLimits = extractLimits{Bytes: 1 << 20, Files: 200}

// fenced makes a folder to unpack into, with things beside it that archives try to
// reach; unchanged checks that they are as they were.
func fenced(t *testing.T) (dst string, unchanged func()) {
	t.Helper()
	fence := t.TempDir()
	dst = filepath.Join(fence, "around", "dst")
	if err := os.MkdirAll(dst, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"outside", "around/outside"} {
		if err := os.WriteFile(filepath.Join(fence, path), []byte("untouched"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	before := outside(t, fence, dst)
	return dst, func() {
		t.Helper()
		if after := outside(t, fence, dst); !slices.Equal(before, after) {
			t.Errorf("outside of the folder there was\n  %v\nand is\n  %v", before, after)
		}
	}
}

// outside describes all of fence but what is in dst.
func outside(t *testing.T, fence, dst string) []string {
	t.Helper()
	var lines []string
	walk(t, fence, func(path string, e fs.DirEntry) {
		if strings.HasPrefix(path, dst+"/") {
			return
		}
		line := path + " " + describe(t, path, e)
		if path != dst { // its own mode and owner are the layer's to say
			var st unix.Stat_t
			if err := unix.Lstat(path, &st); err != nil {
				t.Fatal(err)
			}
			line += " " + stat(t, path).Mode().String() + " " + stat(t, path).ModTime().String()
			line += strings.Repeat("+", int(st.Nlink)) + string(rune('0'+st.Uid%10))
		}
		lines = append(lines, line)
	})
	return lines
}

func walk(t *testing.T, dir string, visit func(path string, e fs.DirEntry)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && path != dir {
			visit(path, e)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantUserFault: an archive can be wrong or too large; the machine is never to blame.
func wantUserFault(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, slipway.ErrInvalid) && !errors.Is(err, slipway.ErrTooLarge) {
		t.Errorf("error %q has the kind %s", err, slipway.Code(err))
	}
}
