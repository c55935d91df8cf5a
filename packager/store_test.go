package packager_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	slipway "github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/packager"

	"github.com/slipway-run/slipway/internal/testenv"
)

const arch = runtime.GOARCH

func TestBlobs(t *testing.T) {
	content := []byte("some bytes")
	digest := sha256Of(t, content).String()
	s := newStore(t, t.TempDir(), nil)

	t.Run("what is not there", func(t *testing.T) {
		if ok, err := s.Has(t.Context(), digest); ok || err != nil {
			t.Errorf("Has: %v, %v", ok, err)
		}
		_, _, err := s.Open(t.Context(), digest)
		wantErr(t, err, slipway.ErrNotFound, digest)
		if err := s.Delete(t.Context(), digest); err != nil {
			t.Errorf("Delete: %v", err)
		}
	})
	t.Run("what is not a digest", func(t *testing.T) {
		for _, d := range []string{"", "x", "sha256:..", "sha256:../../../etc/passwd", "sha512:" + strings.Repeat("0", 128), strings.ToUpper(digest)} {
			_, hasErr := s.Has(t.Context(), d)
			_, _, openErr := s.Open(t.Context(), d)
			for _, err := range []error{hasErr, openErr, s.Put(t.Context(), d, 0, nil), s.Delete(t.Context(), d)} {
				wantErr(t, err, slipway.ErrInvalid, "is not a digest")
			}
		}
	})
	t.Run("content that is not what was announced", func(t *testing.T) {
		wantErr(t, s.Put(t.Context(), digest, 5, bytes.NewReader([]byte("other"))), slipway.ErrInvalid, "damaged")
		wantErr(t, s.Put(t.Context(), digest, 9, bytes.NewReader(content)), slipway.ErrInvalid, "9 bytes were announced, 10 came")
		wantErr(t, s.Put(t.Context(), digest, 11, bytes.NewReader(content)), slipway.ErrInvalid, "11 bytes were announced, 10 came")
		broken := iotest.ErrReader(io.ErrUnexpectedEOF)
		wantErr(t, s.Put(t.Context(), digest, 10, broken), io.ErrUnexpectedEOF, "store blob")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantErr(t, s.Put(ctx, digest, 10, bytes.NewReader(content)), context.Canceled, "stopped")
		if ok, _ := s.Has(t.Context(), digest); ok {
			t.Error("it was kept")
		}
	})
	t.Run("put, open, delete", func(t *testing.T) {
		for range 2 {
			if err := s.Put(t.Context(), digest, -1, bytes.NewReader(content)); err != nil {
				t.Fatal(err)
			}
		}
		r, size, err := s.Open(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) || size != 10 {
			t.Errorf("%q, %d, %v", got, size, err)
		}
		if err := s.Delete(t.Context(), digest); err != nil {
			t.Fatal(err)
		}
		if ok, _ := s.Has(t.Context(), digest); ok {
			t.Error("it was not deleted")
		}
	})
	t.Run("many writers of one blob", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := s.Put(t.Context(), digest, 10, bytes.NewReader(content)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestNewStore(t *testing.T) {
	t.Run("a folder that is not absolute", func(t *testing.T) {
		_, err := packager.NewStore(packager.StoreConfig{Dir: "data"}, nil)
		wantErr(t, err, slipway.ErrInvalid, "not an absolute path")
	})
	t.Run("only root can reach setuid files", func(t *testing.T) {
		dir := t.TempDir()
		newStore(t, dir, nil)
		info, err := os.Stat(filepath.Join(dir, "layers"))
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	})
	t.Run("leftovers of a killed process are removed, work in progress is not", func(t *testing.T) {
		dir := t.TempDir()
		writer := startWriter(t, dir)
		newStore(t, dir, nil)
		if n := halfWritten(t, dir); n != 1 {
			t.Errorf("%d half-written files while the writer lives, want 1", n)
		}
		if err := writer.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = writer.Wait()
		newStore(t, dir, nil)
		if n := halfWritten(t, dir); n != 0 {
			t.Errorf("%d half-written files after it was killed, want 0", n)
		}
	})
	t.Run("layers that a crash of the machine may have damaged are unpacked again", func(t *testing.T) {
		testenv.Root(t)
		dir := t.TempDir()
		first := newStore(t, dir, nil)
		digest := addImage(t, first, imageOf(t, plainLayer(t, "a", "whole")))
		img, err := first.Prepare(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		damage(t, filepath.Join(img.Layers[0], "a"))
		// Another boot: the marker was written before.
		marker := filepath.Join(dir, "layers", "unsynced", filepath.Base(img.Layers[0]))
		if err := os.WriteFile(marker, []byte("another boot"), 0o600); err != nil {
			t.Fatal(err)
		}
		img, err = newStore(t, dir, nil).Prepare(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		if got := contentOf(t, img, "a"); got != "whole" {
			t.Errorf("it holds %q", got)
		}
	})
	t.Run("layers that are on the disk are kept", func(t *testing.T) {
		testenv.Root(t)
		dir := t.TempDir()
		first := newStore(t, dir, nil)
		digest := addImage(t, first, imageOf(t, plainLayer(t, "a", "whole")))
		if _, err := first.Prepare(t.Context(), digest); err != nil {
			t.Fatal(err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if markers, err := os.ReadDir(filepath.Join(dir, "layers", "unsynced")); err != nil || len(markers) != 0 {
			t.Errorf("%v, %v", markers, err)
		}
	})
}

// startWriter starts a process that is in the middle of storing a blob.
func startWriter(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestWriterProcess$")
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func halfWritten(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(dir, "tmp"), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func damage(t *testing.T, path string) {
	t.Helper()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
}
