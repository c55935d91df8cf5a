package packager

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// then is the time of every entry that tests make.
var then = time.Unix(1_600_000_000, 0)

// tarOf writes entries as they are, valid or not.
func tarOf(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, e := range entries {
		content := e.Linkname
		if e.Typeflag != tar.TypeReg {
			content = ""
		} else {
			e.Linkname = ""
		}
		e.Size = int64(len(content))
		if e.ModTime.IsZero() && e.Typeflag != tar.TypeXGlobalHeader {
			e.ModTime = then
		}
		if len(e.PAXRecords) > 0 && e.Typeflag != tar.TypeXGlobalHeader {
			e.Format = tar.FormatPAX
		}
		if err := tw.WriteHeader(&e); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func dir(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}

// file keeps its content where a header has room for it, until tarOf writes it.
func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Linkname: content}
}

func symlink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

func hardlink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}
}

func special(kind byte, name string, major, minor int64) tar.Header {
	return tar.Header{Typeflag: kind, Name: name, Mode: 0o600, Devmajor: major, Devminor: minor}
}

func with(h tar.Header, change func(*tar.Header)) tar.Header {
	change(&h)
	return h
}

func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// list describes everything below dir, one line each: "path type detail".
func list(t testing.TB, dir string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		lines = append(lines, rel+" "+describe(t, path, e))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

func describe(t testing.TB, path string, e fs.DirEntry) string {
	switch e.Type() {
	case fs.ModeDir:
		value := make([]byte, 8)
		if n, err := unix.Getxattr(path, "trusted.overlay.opaque", value); err == nil {
			return "opaque=" + string(value[:n])
		}
		return "dir"
	case fs.ModeSymlink:
		target, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		return "-> " + target
	case 0:
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return "= " + string(content)
	case fs.ModeDevice | fs.ModeCharDevice:
		return "whiteout"
	default:
		return e.Type().String()
	}
}

func sameLines(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// wantError checks an error's kind and that it says what is expected.
func wantError(t *testing.T, err, kind error, says string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; expected one that says %q", says)
	}
	if !errors.Is(err, kind) {
		t.Errorf("error %q is not of the kind %v", err, kind)
	}
	if !strings.Contains(err.Error(), says) {
		t.Errorf("error %q does not say %q", err, says)
	}
}
