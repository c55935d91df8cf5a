package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// tree makes a folder of files; a name that ends with a slash is a folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPack(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"everything", map[string]string{"main.go": "x", "a/b/c.txt": "y", ".git/config": "no", "a/.git/x": "no"}, "a/ a/b/ a/b/c.txt main.go"},
		{"gitignore at any depth", map[string]string{".gitignore": "# built\n*.o\n/top\nsub/only.txt\nnode_modules/\n", "x.o": "", "a/y.o": "", "top": "", "a/top": "", "a/sub/only.txt": "", "a/node_modules/m.js": "", "k.js": ""},
			".gitignore a/ a/sub/ a/sub/only.txt a/top k.js"},
		{"dockerignore at the top only", map[string]string{".dockerignore": "*.o\n", "x.o": "", "a/y.o": ""}, ".dockerignore a/ a/y.o"},
		{"an exception", map[string]string{".slipwayignore": "*.txt\n!keep.txt\n", "a.txt": "", "keep.txt": "", "d/keep.txt": ""}, ".slipwayignore d/ d/keep.txt keep.txt"},
		{"the first file decides alone", map[string]string{".slipwayignore": "*.md\n", ".gitignore": "bootstrap\n", "bootstrap": "", "x.md": ""}, ".gitignore .slipwayignore bootstrap"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := readFolder(tree(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(names(t, pack(t, f)), " "); got != tt.want {
				t.Errorf("packed %s\nwant   %s", got, tt.want)
			}
		})
	}
}

// TestPackIsReproducible: the same content is the same archive, whenever it was written.
func TestPackIsReproducible(t *testing.T) {
	files := map[string]string{"a": "1", "b/c": "2"}
	one, two := tree(t, files), tree(t, files)
	if err := os.Chtimes(filepath.Join(two, "a"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	var archives [][]byte
	for _, dir := range []string{one, two} {
		f, err := readFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		archives = append(archives, pack(t, f))
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the archives differ")
	}
}

func TestPackRefuses(t *testing.T) {
	t.Run("an empty folder", func(t *testing.T) {
		if _, err := readFolder(t.TempDir()); !errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), "empty") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a file", func(t *testing.T) {
		if _, err := readFolder(filepath.Join(tree(t, map[string]string{"x": ""}), "x")); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a pipe", func(t *testing.T) {
		dir := t.TempDir()
		if err := syscall.Mkfifo(filepath.Join(dir, "p"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readFolder(dir); !errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), ".slipwayignore") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a file that goes away", func(t *testing.T) {
		dir := tree(t, map[string]string{"x": "", "y": ""})
		f, err := readFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "y")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(f.stream(func(int64) {})); err == nil || !strings.Contains(err.Error(), "pack y") {
			t.Errorf("%v", err)
		}
	})
}

func pack(t *testing.T, f *folder) []byte {
	t.Helper()
	var done int64
	b, err := io.ReadAll(f.stream(func(n int64) { done = n }))
	if err != nil {
		t.Fatal(err)
	}
	if done != f.size {
		t.Errorf("%d bytes were packed of %d", done, f.size)
	}
	return b
}

func names(t *testing.T, archive []byte) (all []string) {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(unzipped); ; {
		head, err := r.Next()
		if err == io.EOF {
			slices.Sort(all)
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, head.Name)
	}
}
