package packager

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	slipway "github.com/slipway-run/slipway"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/testenv"
)

// unpackInto unpacks a layer made of entries and returns its folder.
func unpackInto(t *testing.T, entries ...tar.Header) (string, error) {
	t.Helper()
	testenv.Root(t)
	dst := t.TempDir()
	return dst, unpackLayer(dst, bytes.NewReader(tarOf(t, entries...)), nil, testLimits, testLog(t))
}

var testLimits = extractLimits{Bytes: 1 << 20, Files: 1000}

func TestUnpackLayer(t *testing.T) {
	tests := []struct {
		name    string
		entries []tar.Header
		want    []string
	}{
		{"nothing", nil, nil},
		{"files and folders",
			[]tar.Header{dir("./"), dir("./a/"), file("./a/b", "x"), file("c", "")},
			[]string{"a dir", "a/b = x", "c = "}},
		{"a leading slash is the layer's root",
			[]tar.Header{file("/etc/passwd", "x")},
			[]string{"etc dir", "etc/passwd = x"}},
		{"folders that no entry describes are made",
			[]tar.Header{file("a/b/c/d", "x")},
			[]string{"a dir", "a/b dir", "a/b/c dir", "a/b/c/d = x"}},
		{"the last entry of a name counts",
			[]tar.Header{file("a", "1"), file("a", "2"), dir("b"), file("b/c", "x"), file("b", "3"), symlink("d", "e"), dir("d")},
			[]string{"a = 2", "b = 3", "d dir"}},
		{"a folder that comes twice keeps what is in it",
			[]tar.Header{dir("a"), file("a/b", "x"), dir("a")},
			[]string{"a dir", "a/b = x"}},
		{"whiteout", []tar.Header{file("a/.wh.b", "")}, []string{"a dir", "a/b whiteout"}},
		{"whiteout of a name that looks like one", []tar.Header{file(".wh..wh", "")}, []string{".wh whiteout"}},
		{"whiteout as an empty hard link or device",
			[]tar.Header{hardlink(".wh.a", "elsewhere"), special(tar.TypeChar, ".wh.b", 1, 3)},
			[]string{"a whiteout", "b whiteout"}},
		{"opaque folder before its content",
			[]tar.Header{dir("a"), file("a/.wh..wh..opq", ""), file("a/b", "x")},
			[]string{"a opaque=y", "a/b = x"}},
		{"opaque folder after its content",
			[]tar.Header{dir("a"), file("a/b", "x"), file("a/.wh..wh..opq", "")},
			[]string{"a opaque=y", "a/b = x"}},
		{"opaque folder that no entry describes",
			[]tar.Header{file("a/b/.wh..wh..opq", "")},
			[]string{"a dir", "a/b opaque=y"}},
		{"a file in the place of a whiteout", []tar.Header{file(".wh.a", ""), file("a", "x")}, []string{"a = x"}},
		{"a file before its whiteout", []tar.Header{file("a", "x"), file(".wh.a", "")}, []string{"a = x"}},
		{"a folder in the place of a whiteout hides what was below",
			[]tar.Header{file(".wh.a", ""), dir("a"), file("a/b", "x")},
			[]string{"a opaque=y", "a/b = x"}},
		{"a folder before its whiteout hides what was below",
			[]tar.Header{dir("a"), file("a/b", "x"), file(".wh.a", "")},
			[]string{"a opaque=y", "a/b = x"}},
		{"a whiteout twice", []tar.Header{file(".wh.a", ""), file(".wh.a", "")}, []string{"a whiteout"}},
		{"notes of aufs", []tar.Header{dir(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", ""), file(".wh..wh.aufs", "")}, nil},
		{"overlayfs's own whiteout", []tar.Header{special(tar.TypeChar, "a", 0, 0)}, []string{"a whiteout"}},
		{"hard links",
			[]tar.Header{file("a/b", "x"), hardlink("c", "a/b"), hardlink("./d", "/c"), symlink("e", "a"), hardlink("f", "e")},
			[]string{"a dir", "a/b = x", "c = x", "d = x", "e -> a", "f -> a"}},
		{"links below which there are files lead within the layer",
			[]tar.Header{dir("usr/lib"), symlink("lib", "usr/lib"), symlink("abs", "/usr"), symlink("out", "../../../usr"),
				file("lib/a", "1"), file("abs/b", "2"), file("out/c", "3"), hardlink("abs/lib/d", "lib/a")},
			[]string{"usr dir", "usr/lib dir", "lib -> usr/lib", "abs -> /usr", "out -> ../../../usr",
				"usr/lib/a = 1", "usr/b = 2", "usr/c = 3", "usr/lib/d = 1"}},
		{"a folder replaced by a link while files come",
			[]tar.Header{dir("a"), dir("b"), file("a/1", "x"), symlink("a", "b"), file("a/2", "y")},
			[]string{"a -> b", "b dir", "b/2 = y"}},
		{"fifo", []tar.Header{special(tar.TypeFifo, "p", 0, 0)}, []string{"p p---------"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := unpackInto(t, tt.entries...)
			if err != nil {
				t.Fatal(err)
			}
			sameLines(t, list(t, got), tt.want)
		})
	}
}

func TestUnpackLayerRefuses(t *testing.T) {
	tests := []struct {
		name    string
		entries []tar.Header
		kind    error
		says    string
	}{
		{"a name that leads out", []tar.Header{file("a/../../b", "x")}, slipway.ErrInvalid, `".." is not allowed`},
		{"a hard link that leads out", []tar.Header{hardlink("a", "../../etc/passwd")}, slipway.ErrInvalid, `".." is not allowed`},
		{"a hard link to what is not there", []tar.Header{hardlink("a", "/etc/hostname")}, slipway.ErrInvalid, "not in the archive before it"},
		{"a hard link to itself", []tar.Header{file("a", "x"), hardlink("a", "./a")}, slipway.ErrInvalid, "hard link to itself"},
		{"a hard link to a folder", []tar.Header{dir("a"), hardlink("b", "a")}, slipway.ErrInvalid, "not a file"},
		{"a whiteout of the folder itself", []tar.Header{file("a/.wh..", "")}, slipway.ErrInvalid, "must name what it hides"},
		{"a whiteout of the folder above", []tar.Header{file("a/.wh...", "")}, slipway.ErrInvalid, "must name what it hides"},
		{"a whiteout of nothing", []tar.Header{file(".wh.", "")}, slipway.ErrInvalid, "must name what it hides"},
		{"an opaque file", []tar.Header{file("a", ""), file("a/.wh..wh..opq", "")}, slipway.ErrInvalid, "not a folder"},
		{"a character device", []tar.Header{special(tar.TypeChar, "dev/null", 1, 3)}, slipway.ErrInvalid, `entry "dev/null": it is a device (1, 3)`},
		{"a block device", []tar.Header{special(tar.TypeBlock, "sda", 8, 0)}, slipway.ErrInvalid, "devices are not allowed"},
		{"a file as the root", []tar.Header{symlink("./", "/etc")}, slipway.ErrInvalid, "must be a folder"},
		{"a folder through a link to nothing", []tar.Header{symlink("a", "b"), file("a/c", "x")}, slipway.ErrInvalid, "symbolic link"},
		{"a folder through a loop", []tar.Header{symlink("a", "a"), file("a/c", "x")}, slipway.ErrInvalid, "symbolic link"},
		{"a folder through a file", []tar.Header{file("a", "x"), file("a/c", "x")}, slipway.ErrInvalid, "not a folder"},
		{"a folder through a file that replaced it", []tar.Header{dir("a/b"), file("a/b/c", "1"), file("a", "2"), file("a/b/c", "3")}, slipway.ErrInvalid, "not a folder"},
		{"a long name", []tar.Header{file(strings.Repeat("a", 256), "x")}, slipway.ErrInvalid, "at most 255"},
		{"a long path", []tar.Header{file(strings.Repeat("a/", 2048)+"b", "x")}, slipway.ErrInvalid, "at most 4095"},
		{"an impossible owner", []tar.Header{with(file("a", ""), func(h *tar.Header) { h.Uid = 1 << 32 })}, slipway.ErrInvalid, "not a user or group id"},
		{"the owner that means nobody", []tar.Header{with(dir("a"), func(h *tar.Header) { h.Gid = 1<<32 - 1 })}, slipway.ErrInvalid, "not a user or group id"},
		{"too many bytes", []tar.Header{file("a", strings.Repeat("x", 1<<19)), file("b", strings.Repeat("x", 1<<19+1))}, slipway.ErrTooLarge, "more than 1 MiB, which is the limit"},
		{"an unknown type", []tar.Header{{Typeflag: 'Z', Name: "a"}}, slipway.ErrInvalid, "type 'Z'"},
		{"damaged capabilities", []tar.Header{with(file("a", ""), func(h *tar.Header) {
			h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "nonsense"}
		})}, slipway.ErrInvalid, "security.capability"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := unpackInto(t, tt.entries...)
			wantError(t, err, tt.kind, tt.says)
		})
	}

	t.Run("too many entries", func(t *testing.T) {
		entries := make([]tar.Header, testLimits.Files+1)
		for i := range entries {
			entries[i] = dir("a")
		}
		_, err := unpackInto(t, entries...)
		wantError(t, err, slipway.ErrTooLarge, "more than 1000 entries")
	})
	t.Run("a tar that ends too early", func(t *testing.T) {
		whole := tarOf(t, file("a", strings.Repeat("x", 5000)))
		err := unpackLayer(t.TempDir(), bytes.NewReader(whole[:2000]), nil, testLimits, testLog(t))
		wantError(t, err, slipway.ErrInvalid, "ends too early")
	})
	t.Run("what is no tar", func(t *testing.T) {
		err := unpackLayer(t.TempDir(), bytes.NewReader(bytes.Repeat([]byte("text"), 512)), nil, testLimits, testLog(t))
		wantError(t, err, slipway.ErrInvalid, "damaged")
	})
}

func TestUnpackLayerKeepsAttributes(t *testing.T) {
	ping := string(capability(unix.CAP_NET_RAW))
	dst, err := unpackInto(t,
		with(dir("./"), func(h *tar.Header) { h.Mode = 0o711 }),
		with(dir("home"), func(h *tar.Header) { h.Mode, h.Uid, h.Gid = 0o1777, 7, 8 }),
		with(file("home/su", "x"), func(h *tar.Header) { h.Mode, h.Uid, h.Gid = 0o6755, 1000, 100 }),
		with(file("home/ping", "x"), func(h *tar.Header) {
			h.Uid, h.Mode = 5, 0o755
			h.PAXRecords = map[string]string{
				"SCHILY.xattr.security.capability":    ping,
				"SCHILY.xattr.user.origin":            "here",
				"SCHILY.xattr.user.overlay.opaque":    "y",
				"SCHILY.xattr.trusted.overlay.opaque": "y",
				"SCHILY.xattr.security.selinux":       "label",
			}
		}),
		with(symlink("home/link", "su"), func(h *tar.Header) { h.Uid, h.Gid = 3, 4 }),
		with(special(tar.TypeFifo, "home/fifo", 0, 0), func(h *tar.Header) { h.Uid, h.Mode = 9, 0o622 }),
		hardlink("home/su2", "home/su"),
		with(file("closed/in", "x"), func(h *tar.Header) { h.Mode = 0 }),
		with(dir("closed"), func(h *tar.Header) { h.Mode = 0 }),
	)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ mode, uid, gid uint32 }{
		".":         {unix.S_IFDIR | 0o711, 0, 0},
		"home":      {unix.S_IFDIR | 0o1777, 7, 8},
		"home/su":   {unix.S_IFREG | 0o6755, 1000, 100},
		"home/ping": {unix.S_IFREG | 0o755, 5, 0},
		"home/link": {unix.S_IFLNK | 0o777, 3, 4},
		"home/fifo": {unix.S_IFIFO | 0o622, 9, 0},
		"closed":    {unix.S_IFDIR, 0, 0},
		"closed/in": {unix.S_IFREG, 0, 0},
	} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(dst, name), &st); err != nil {
			t.Fatal(err)
		}
		if st.Mode != want.mode || st.Uid != want.uid || st.Gid != want.gid || st.Mtim.Sec != then.Unix() {
			t.Errorf("%s: mode %o owner %d:%d time %d, want %o %d:%d %d", name,
				st.Mode, st.Uid, st.Gid, st.Mtim.Sec, want.mode, want.uid, want.gid, then.Unix())
		}
	}
	one, two := stat(t, filepath.Join(dst, "home/su")), stat(t, filepath.Join(dst, "home/su2"))
	if !os.SameFile(one, two) {
		t.Error("the hard link is another file")
	}
	sameLines(t, xattrs(t, filepath.Join(dst, "home/ping")), []string{"security.capability=" + ping, "user.origin=here"})
}

// capability is struct vfs_ns_cap_data, revision 2, of <linux/capability.h>.
func capability(bit int) []byte {
	data := binary.LittleEndian.AppendUint32(nil, 0x02000001)
	data = binary.LittleEndian.AppendUint32(data, 1<<bit)
	return append(data, make([]byte, 12)...)
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func xattrs(t *testing.T, path string) []string {
	t.Helper()
	buf := make([]byte, 1024)
	n, err := unix.Listxattr(path, buf)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		value := make([]byte, 256)
		n, err := unix.Getxattr(path, name, value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name+"="+string(value[:n]))
	}
	return all
}
