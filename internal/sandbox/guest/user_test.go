package guest_test

import (
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

func TestLookUp(t *testing.T) {
	image := map[string]string{
		"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n# a comment\nshort:x:5\nbad:x:minus:0::/:\n\napp:x:1000:1001:::/bin/sh\nbig:x:70000:70000::/big:\n",
		"/etc/group":  "root:x:0:\nvideo:x:44:app, other\nlast:x:60:other,app\nbad:x:y:app\n",
	}
	full := func(name string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(image[name])), nil
	}
	empty := func(string) (io.ReadCloser, error) { return nil, os.ErrNotExist }
	for _, tt := range []struct {
		user string
		open func(string) (io.ReadCloser, error)
		want guest.Identity
		err  string
	}{
		{"", full, guest.Identity{Home: "/root"}, ""},
		{"", empty, guest.Identity{Home: "/"}, ""},
		{"app", full, guest.Identity{UID: 1000, GID: 1001, Groups: []int{44, 60}, Home: "/"}, ""},
		{"app:", full, guest.Identity{UID: 1000, GID: 1001, Groups: []int{44, 60}, Home: "/"}, ""},
		{"app:video", full, guest.Identity{UID: 1000, GID: 44, Home: "/"}, ""},
		{"1000:5", full, guest.Identity{UID: 1000, GID: 5, Home: "/"}, ""},
		{"12:34", empty, guest.Identity{UID: 12, GID: 34, Home: "/"}, ""},
		{"app", empty, guest.Identity{}, `no user "app"`},
		{"bad", full, guest.Identity{}, `no user "bad"`},
		{"big", full, guest.Identity{}, `no user "big"`},
		{"65536", full, guest.Identity{}, "number from 0 to 65535"},
		{"-1", full, guest.Identity{}, "number from 0 to 65535"},
		{"app:none", full, guest.Identity{}, `no group "none"`},
	} {
		got, err := guest.LookUp(tt.user, tt.open)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: error %v, want %q", tt.user, err, tt.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: %+v, %v, want %+v", tt.user, got, err, tt.want)
		}
	}
}
