package packager

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	slipway "github.com/slipway-run/slipway"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/testenv"
)

func TestOwnersOf(t *testing.T) {
	one, many := &Owners{Count: 1}, &Owners{First: 1, Count: 65536}
	for _, c := range []struct {
		owners   *Owners
		id, want int
	}{{nil, 70000, 70000}, {one, 0, 0}, {one, 1000, 0}, {many, 0, 1}, {many, 1000, 1001}, {many, 65535, 65536}, {many, 70000, 65536}} {
		if got := c.owners.of(c.id); got != c.want {
			t.Errorf("%+v of %d is %d, want %d", c.owners, c.id, got, c.want)
		}
	}
}

// TestUnpackForOwners unpacks a layer for the ids of somebody else: every file is theirs,
// those that no entry describes too, and what overlayfs reads is where they can write it.
func TestUnpackForOwners(t *testing.T) {
	testenv.Root(t)
	owned := file("deep/below/file", "x")
	owned.Uid, owned.Gid = 1000, 2000
	link := tar.Header{Name: "link", Linkname: "deep", Typeflag: tar.TypeSymlink, Uid: 7}
	dst := t.TempDir()
	layer := tarOf(t, owned, link, dir("opaque/"), file("opaque/.wh..wh..opq", ""))
	if err := unpackLayer(dst, bytes.NewReader(layer), &Owners{First: 5000, Count: 1500}, testLimits, testLog(t)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]uint32{
		".": {5000, 5000}, "deep": {5000, 5000}, "deep/below": {5000, 5000}, "deep/below/file": {6000, 6499}, "link": {5007, 5000}, "opaque": {5000, 5000},
	} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(dst, name), &st); err != nil || st.Uid != want[0] || st.Gid != want[1] {
			t.Errorf("%s belongs to %d:%d, want %v, %v", name, st.Uid, st.Gid, want, err)
		}
	}
	value := make([]byte, 1)
	if _, err := unix.Getxattr(filepath.Join(dst, "opaque"), "user.overlay.opaque", value); err != nil || value[0] != 'y' {
		t.Errorf("a folder is not marked opaque: %q, %v", value, err)
	}
}

// TestLend gives a sandbox what a build is made of, and nothing of the machine's.
func TestLend(t *testing.T) {
	testenv.Root(t)
	data, cache, other := t.TempDir(), t.TempDir(), t.TempDir()
	p := &Packager{cfg: Config{CacheDir: cache}, store: &Store{dir: data, owners: &Owners{First: 5000, Count: 10}}}
	files := []string{filepath.Join(data, "source", "main.go"), filepath.Join(cache, "go", "mod"), filepath.Join(other, "lib", "file")}
	var mounts []slipway.Mount
	for _, f := range files {
		if err := errors.Join(os.MkdirAll(filepath.Dir(f), 0o755), os.WriteFile(f, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		mounts = append(mounts, slipway.Mount{Source: filepath.Dir(f)})
	}
	for range 2 { // the second time they are its already
		if err := p.lend(mounts); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []uint32{5000, 5000, 0} {
		for _, name := range []string{files[i], mounts[i].Source} {
			var st unix.Stat_t
			if err := unix.Stat(name, &st); err != nil || st.Uid != want || st.Gid != want {
				t.Errorf("%s belongs to %d:%d, want %d, %v", name, st.Uid, st.Gid, want, err)
			}
		}
	}
}
