package packager

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	slipway "github.com/slipway-run/slipway"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func extractBytes(t testing.TB, archive []byte) (string, error) {
	t.Helper()
	dst := t.TempDir()
	return dst, extract(t.Context(), dst, bytes.NewReader(archive), int64(len(archive)), testLimits)
}

func gzipped(t testing.TB, plain []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zstded(t testing.TB, plain []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(plain, nil)
}

// zipOf makes a zip of the same entries that tarOf takes, as far as a zip can hold them.
func zipOf(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.Name, Method: zip.Deflate, Modified: then}
		mode := fs.FileMode(e.Mode).Perm()
		switch e.Typeflag {
		case tar.TypeDir:
			h.Name, mode = strings.TrimSuffix(e.Name, "/")+"/", mode|fs.ModeDir
		case tar.TypeSymlink:
			mode |= fs.ModeSymlink
		case tar.TypeFifo:
			mode |= fs.ModeNamedPipe
		}
		h.SetMode(mode)
		w, err := zw.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if e.Typeflag == tar.TypeDir {
			continue
		}
		if _, err := w.Write([]byte(e.Linkname)); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestExtract(t *testing.T) {
	entries := []tar.Header{
		dir("./"), dir("src"), with(file("src/run.sh", "#!/bin/sh"), func(h *tar.Header) { h.Mode = 0o4755 }),
		with(file("./secret", "x"), func(h *tar.Header) { h.Mode = 0 }),
		file("deep/er/file", strings.Repeat("y", 100_000)), symlink("src/link", "../secret"), symlink("later", "src/made-by-the-build"),
	}
	want := []string{
		"src dir", "src/run.sh = #!/bin/sh", "secret = x", "deep dir", "deep/er dir",
		"deep/er/file = " + strings.Repeat("y", 100_000), "src/link -> ../secret", "later -> src/made-by-the-build",
	}
	plain := tarOf(t, entries...)
	for name, archive := range map[string][]byte{
		"tar": plain, "tar.gz": gzipped(t, plain), "tar.zst": zstded(t, plain), "zip": zipOf(t, entries...),
	} {
		t.Run(name, func(t *testing.T) {
			dst, err := extractBytes(t, archive)
			if err != nil {
				t.Fatal(err)
			}
			sameLines(t, list(t, dst), append([]string(nil), want...))
			if mode := stat(t, filepath.Join(dst, "src/run.sh")).Mode(); mode != 0o755 {
				t.Errorf("mode %v", mode)
			}
			if info := stat(t, filepath.Join(dst, "secret")); info.Mode() != 0o600 || !info.ModTime().Equal(then) {
				t.Errorf("mode %v, time %v", info.Mode(), info.ModTime())
			}
		})
	}

	t.Run("hard links", func(t *testing.T) {
		dst, err := extractBytes(t, tarOf(t, file("a/b", "x"), hardlink("c", "a/b")))
		if err != nil {
			t.Fatal(err)
		}
		sameLines(t, list(t, dst), []string{"a dir", "a/b = x", "c = x"})
	})
	t.Run("the last entry of a name counts", func(t *testing.T) {
		dst, err := extractBytes(t, tarOf(t, symlink("a", "/etc"), file("a", "x")))
		if err != nil {
			t.Fatal(err)
		}
		sameLines(t, list(t, dst), []string{"a = x"})
	})
	t.Run("a zip with backslashes", func(t *testing.T) {
		dst, err := extractBytes(t, zipOf(t, file(`a\b\c.txt`, "x")))
		if err != nil {
			t.Fatal(err)
		}
		sameLines(t, list(t, dst), []string{"a dir", "a/b dir", "a/b/c.txt = x"})
	})
}

func TestExtractRefuses(t *testing.T) {
	both := []struct {
		name    string
		entries []tar.Header
		kind    error
		says    string
	}{
		{"a name that leads out", []tar.Header{file("../a", "x")}, slipway.ErrInvalid, `".." is not allowed`},
		{"a name that leads out and back", []tar.Header{file("a/../../a/b", "x")}, slipway.ErrInvalid, `".." is not allowed`},
		{"an absolute name", []tar.Header{file("/tmp/a", "x")}, slipway.ErrInvalid, "absolute name"},
		{"an absolute link", []tar.Header{symlink("a", "/etc/passwd")}, slipway.ErrInvalid, "leads out of the folder"},
		{"a link that leads out", []tar.Header{symlink("a/b", "../../etc")}, slipway.ErrInvalid, "leads out"},
		{"a link to nothing that would lead out", []tar.Header{symlink("a", "none/../../etc")}, slipway.ErrInvalid, "leads out"},
		{"a link that leads out by way of another", []tar.Header{symlink("a/b", ".."), symlink("c", "a/b/../x"), file("x", "")}, slipway.ErrInvalid, "leads out"},
		{"a file through a link", []tar.Header{symlink("a", "/tmp"), file("a/b", "x")}, slipway.ErrInvalid, "goes through a symbolic link"},
		{"a file through a link that stays inside", []tar.Header{dir("d"), symlink("a", "d"), file("a/b", "x")}, slipway.ErrInvalid, "goes through a symbolic link"},
		{"a file below a file", []tar.Header{file("a", "x"), file("a/b", "x")}, slipway.ErrInvalid, "not a folder"},
		{"a file in the place of a folder", []tar.Header{file("a/b", "x"), file("a", "x")}, slipway.ErrInvalid, "comes twice"},
		{"a folder in the place of a file", []tar.Header{file("a", "x"), dir("a")}, slipway.ErrInvalid, "comes twice"},
		{"a fifo", []tar.Header{special(tar.TypeFifo, "a", 0, 0)}, slipway.ErrInvalid, "device, socket or pipe"},
		{"too many bytes", []tar.Header{file("a", strings.Repeat("x", 1<<20+1))}, slipway.ErrTooLarge, "more than 1 MiB, which is the limit"},
		{"an empty archive", nil, slipway.ErrInvalid, "there is nothing in it"},
	}
	for _, tt := range both {
		t.Run(tt.name, func(t *testing.T) {
			_, err := extractBytes(t, tarOf(t, tt.entries...))
			wantError(t, err, tt.kind, tt.says)
			_, err = extractBytes(t, zipOf(t, tt.entries...))
			wantError(t, err, tt.kind, tt.says)
		})
	}

	plain := tarOf(t, file("a", strings.Repeat("random enough", 999)))
	zipped := zipOf(t, file("a", "x"))
	for _, tt := range []struct {
		name    string
		archive []byte
		kind    error
		says    string
	}{
		{"nothing", nil, slipway.ErrInvalid, "it is empty"},
		{"text", []byte("hello"), slipway.ErrInvalid, "not a complete archive"},
		{"much text", bytes.Repeat([]byte("hello"), 1000), slipway.ErrInvalid, "not a complete archive"},
		{"a short tar", plain[:3000], slipway.ErrInvalid, "ends too early"},
		{"a short tar.gz", gzipped(t, plain)[:60], slipway.ErrInvalid, "not a complete archive"},
		{"a short zip", zipped[:40], slipway.ErrInvalid, "damaged"},
		{"a gzip of nothing", gzipped(t, nil), slipway.ErrInvalid, "there is nothing in it"},
		{"a bomb of entries that are none", gzipped(t, bytes.Repeat(globalHeader(t), 10_000)), slipway.ErrTooLarge, "more than 1 MiB, which is the limit"},
		{"a hard link that leads out", tarOf(t, hardlink("a", "../b")), slipway.ErrInvalid, `".." is not allowed`},
		{"a hard link to the machine", tarOf(t, hardlink("a", "/etc/hostname")), slipway.ErrInvalid, "not in the archive before it"},
		{"a hard link to a link that leads out from its new place",
			tarOf(t, dir("a/b"), symlink("a/b/up", "../.."), hardlink("up", "a/b/up")), slipway.ErrInvalid, "leads out"},
		{"a device", tarOf(t, special(tar.TypeChar, "a", 1, 3)), slipway.ErrInvalid, "device"},
		{"an encrypted zip", encrypted(zipped), slipway.ErrInvalid, "without a password"},
		{"a zip whose sizes lie", lying(zipOf(t, file("a", strings.Repeat("x", 5000)))), slipway.ErrInvalid, "entry \"a\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := extractBytes(t, tt.archive)
			wantError(t, err, tt.kind, tt.says)
		})
	}

	t.Run("too many entries", func(t *testing.T) {
		entries := make([]tar.Header, testLimits.Files+1)
		for i := range entries {
			entries[i] = dir("a")
		}
		for _, archive := range [][]byte{tarOf(t, entries...), zipOf(t, entries...)} {
			_, err := extractBytes(t, archive)
			wantError(t, err, slipway.ErrTooLarge, "more than 1000 entries")
		}
	})
	t.Run("a zip directory that does not fit into memory", func(t *testing.T) {
		entries := make([]tar.Header, 30_000)
		for i := range entries {
			entries[i] = file(strings.Repeat("a", 100), "")
		}
		_, err := extractBytes(t, zipOf(t, entries...))
		wantError(t, err, slipway.ErrTooLarge, "more than 1000 entries")
	})
	t.Run("a build that is canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := extract(ctx, t.TempDir(), bytes.NewReader(plain), int64(len(plain)), testLimits)
		wantError(t, err, context.Canceled, "canceled")
	})
}

// globalHeader is an entry that says something about all that follow.
func globalHeader(t *testing.T) []byte {
	const trailer = 1024 // the two zero blocks at the end of a tar
	whole := tarOf(t, tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": strings.Repeat("x", 500)}})
	return whole[:len(whole)-trailer]
}

// encrypted sets the flag of a password in both headers of a zip's only entry.
func encrypted(archive []byte) []byte {
	archive = bytes.Clone(archive)
	archive[6] |= 1
	archive[bytes.Index(archive, []byte("PK\x01\x02"))+8] |= 1
	return archive
}

// lying makes a zip announce less than its only entry holds.
func lying(archive []byte) []byte {
	archive = bytes.Clone(archive)
	binary.LittleEndian.PutUint32(archive[bytes.Index(archive, []byte("PK\x01\x02"))+24:], 10)
	return archive
}

func TestExtractToFullDisk(t *testing.T) {
	small := SmallDisk(t)
	archive := tarOf(t, file("a", strings.Repeat("x", 900_000)))
	err := extract(t.Context(), small, bytes.NewReader(archive), int64(len(archive)), testLimits)
	wantError(t, err, slipway.ErrUnavailable, "no space left in "+small+": free some or move --data")
	if _, err := os.Stat(small); err != nil {
		t.Fatal(err)
	}
}
