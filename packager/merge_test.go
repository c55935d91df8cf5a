package packager

import (
	"archive/tar"
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/testenv"
)

// TestMergedLayers mounts unpacked layers as a sandbox does and compares what is seen
// with what the image specification says (layer.md, "Applying Changesets").
func TestMergedLayers(t *testing.T) {
	base := []tar.Header{
		dir("./"), dir("etc"), file("etc/a", "1"), file("etc/b", "1"),
		dir("var"), dir("var/lib"), file("var/lib/x", "1"), file("var/y", "1"), symlink("run", "var"),
	}
	all := []string{"etc dir", "etc/a = 1", "etc/b = 1", "var dir", "var/lib dir", "var/lib/x = 1", "var/y = 1", "run -> var"}
	without := func(gone ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(line string) bool {
			return slices.ContainsFunc(gone, func(g string) bool { return strings.HasPrefix(line, g) })
		})
	}
	tests := []struct {
		name  string
		upper [][]tar.Header
		want  []string
	}{
		{"nothing", [][]tar.Header{{}}, all},
		{"a file is hidden", [][]tar.Header{{file("etc/.wh.a", "")}}, without("etc/a")},
		{"a folder is hidden", [][]tar.Header{{file(".wh.etc", "")}}, without("etc")},
		{"a link is hidden", [][]tar.Header{{file(".wh.run", "")}}, without("run")},
		{"what is not there is hidden", [][]tar.Header{{file("etc/.wh.z", "")}}, all},
		{"a folder is emptied", [][]tar.Header{{dir("var"), file("var/.wh..wh..opq", "")}}, without("var/")},
		{"a folder is emptied and filled", [][]tar.Header{{dir("var"), file("var/.wh..wh..opq", ""), file("var/z", "2")}}, append(without("var/"), "var/z = 2")},
		{"a folder is filled and then emptied", [][]tar.Header{{dir("var"), file("var/z", "2"), file("var/.wh..wh..opq", "")}}, append(without("var/"), "var/z = 2")},
		{"a folder within is emptied", [][]tar.Header{{file("var/lib/.wh..wh..opq", "")}}, without("var/lib/x")},
		{"a file is hidden and then made again in one layer", [][]tar.Header{{file("etc/.wh.a", ""), file("etc/a", "2")}}, append(without("etc/a"), "etc/a = 2")},
		{"a folder is hidden and then made again in one layer", [][]tar.Header{{file(".wh.etc", ""), dir("etc"), file("etc/c", "2")}}, append(without("etc/"), "etc/c = 2")},
		{"a folder is made again and then hidden in one layer", [][]tar.Header{{dir("etc"), file("etc/c", "2"), file(".wh.etc", "")}}, append(without("etc/"), "etc/c = 2")},
		{"a folder is hidden in one layer and made again in the next", [][]tar.Header{{file(".wh.etc", "")}, {dir("etc"), file("etc/c", "3")}}, append(without("etc/"), "etc/c = 3")},
		{"a folder becomes a file", [][]tar.Header{{file("etc", "2")}}, append(without("etc"), "etc = 2")},
		{"a folder becomes a file and a folder again", [][]tar.Header{{file("etc", "2")}, {dir("etc"), file("etc/c", "3")}}, append(without("etc/"), "etc/c = 3")},
		{"a link becomes a folder", [][]tar.Header{{dir("run"), file("run/z", "2")}}, append(without("run"), "run dir", "run/z = 2")},
		{"hidden and made again and hidden", [][]tar.Header{{file("etc/.wh.a", "")}, {file("etc/a", "3")}, {file("etc/.wh.a", "")}}, without("etc/a")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testenv.Root(t)
			var lower []string
			for _, entries := range append([][]tar.Header{base}, tt.upper...) {
				dst := t.TempDir()
				if err := unpackLayer(dst, bytes.NewReader(tarOf(t, entries...)), nil, testLimits, testLog(t)); err != nil {
					t.Fatal(err)
				}
				lower = append([]string{dst}, lower...)
			}
			sameLines(t, list(t, merged(t, lower)), tt.want)
		})
	}
}

// merged mounts folders above each other, the first on top, until the test ends.
func merged(t *testing.T, lower []string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "merged")
	if err := unix.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("overlay", root, "overlay", unix.MS_RDONLY, "lowerdir="+strings.Join(lower, ":")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return root
}
