package userns_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/slipway-run/slipway/internal/userns"
)

func TestCurrent(t *testing.T) {
	ids, err := userns.Current()
	if err != nil {
		t.Fatal(err)
	}
	if ids.Machine && (ids.Count < 1<<31 || !ids.Groups || ids.User != 0) || ids.Count == 0 {
		t.Errorf("%+v", ids)
	}
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		users, groups string
		want          userns.IDs
	}{
		"machine":     {"         0          0 4294967295\n", "0 0 4294967295\n", userns.IDs{Machine: true, Count: 1<<32 - 1}},
		"one id":      {"0 1000 1\n", "0 100 1\n", userns.IDs{User: 1000, Count: 1}},
		"ranges":      {"1 100000 65536\n0 1000 1\n", "0 1000 1\n1 200000 65536\n", userns.IDs{User: 1000, Count: 65537}},
		"fewer":       {"0 1000 1\n1 100000 65536\n", "0 1000 1\n1 100000 1000\n", userns.IDs{User: 1000, Count: 1001}},
		"with a gap":  {"0 1000 1\n2 100000 65536\n", "0 1000 1\n1 100000 65536\n", userns.IDs{User: 1000, Count: 1}},
		"a container": {"0 0 65536\n", "0 0 65536\n", userns.IDs{Count: 65536}},
	} {
		if got, err := userns.Parse(c.users, c.groups); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "0 1000\n", "a b c\n"} {
		if got, err := userns.Parse(bad, "0 0 1\n"); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func TestRanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "subuid")
	text := "alice:100000:65536\nbob:200000:65536\n1000:300000:10\nalice:bad:1\nalice:400000:5\nalice:0:7\n# a remark\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := userns.Ranges(file, 1000, "alice")
	if want := []userns.Range{{First: 100000, Count: 65536}, {First: 300000, Count: 10}, {First: 400000, Count: 5}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if got, err := userns.Ranges(file+"-missing", 1000, "alice"); err != nil || len(got) > 0 {
		t.Errorf("of a file that is not there: %v, %v", got, err)
	}
}
