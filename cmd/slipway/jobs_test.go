package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestParseDependency(t *testing.T) {
	for text, want := range map[string]slipway.JobDependency{
		"a":               {Job: "a"},
		"a:3":             {Job: "a:3"},
		"a=failure":       {Job: "a", On: slipway.OnFailure},
		"a:N_TO_N":        {Job: "a", Type: slipway.DependsNToN},
		"a:N_TO_N=any":    {Job: "a", Type: slipway.DependsNToN, On: slipway.OnAny},
		"a:3=any":         {Job: "a:3", On: slipway.OnAny},
		"SEQUENTIAL":      {Type: slipway.DependsSequential},
		"SEQUENTIAL=any":  {Type: slipway.DependsSequential, On: slipway.OnAny},
		"a=what the user": {Job: "a", On: "what the user"}, // the gateway says what is allowed
	} {
		if got, err := parseDependency(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "=any"} {
		if _, err := parseDependency(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestStatusOf(t *testing.T) {
	code := func(n int) *int { return &n }
	for _, c := range []struct {
		job  slipway.Job
		want int
	}{
		{slipway.Job{Status: slipway.JobSucceeded, ExitCode: code(0)}, 0},
		{slipway.Job{Status: slipway.JobFailed, ExitCode: code(75)}, 75},
		{slipway.Job{Status: slipway.JobFailed, ExitCode: code(137)}, 137},
		{slipway.Job{Status: slipway.JobFailed, ExitCode: code(0)}, 1}, // it succeeded, and something else went wrong
		{slipway.Job{Status: slipway.JobFailed}, 1},
		{slipway.Job{Status: slipway.JobFailed, ExitCode: code(143), Attempts: []slipway.JobAttempt{{Reason: slipway.ReasonTimeout + "…"}}}, 124},
		{slipway.Job{Status: slipway.JobFailed, ExitCode: code(3), Attempts: []slipway.JobAttempt{{Reason: slipway.ReasonTimeout + "…"}, {}}}, 3},
	} {
		if got := statusOf(c.job); got != c.want {
			t.Errorf("%+v: %d, want %d", c.job, got, c.want)
		}
	}
}

func TestGraph(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	jobs := map[string]slipway.Job{}
	add := func(id string, status slipway.JobStatus, on ...slipway.JobDependency) {
		at = at.Add(time.Second)
		jobs[id] = slipway.Job{ID: id, Name: "n" + id, Status: status, DependsOn: on, CreatedAt: at}
	}
	add("1", slipway.JobSucceeded)
	add("2", slipway.JobFailed, slipway.JobDependency{Job: "1"})
	add("3", slipway.JobRunning, slipway.JobDependency{Job: "1:7"}, slipway.JobDependency{Type: slipway.DependsSequential})
	add("4", slipway.JobPending, slipway.JobDependency{Job: "2", On: slipway.OnFailure}, slipway.JobDependency{Job: "3", Type: slipway.DependsNToN})
	add("5", slipway.JobPending, slipway.JobDependency{Type: slipway.DependsSequential})
	var tree, dot bytes.Buffer
	g := newJobGraph(jobs)
	if err := g.writeTree(&tree); err != nil {
		t.Fatal(err)
	}
	want := `n1 SUCCEEDED  1
├─ n2 FAILED  2
│  └─ (on failure) n4 PENDING  4
└─ (child 7) n3 RUNNING  3
   └─ (N_TO_N) n4 PENDING  (see above)
n5 PENDING  5
`
	if tree.String() != want {
		t.Errorf("got\n%swant\n%s", &tree, want)
	}
	if err := g.writeDOT(&dot); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`"1" -> "2" [label=""];`, `"3" -> "4" [label="N_TO_N"];`, `"2" [label="n2 FAILED", fillcolor="salmon"];`} {
		if !strings.Contains(dot.String(), line) {
			t.Errorf("no %s in\n%s", line, &dot)
		}
	}
}

// TestUnpackOutput unpacks what a hostile job may leave: nothing comes to lie outside.
func TestUnpackOutput(t *testing.T) {
	outside := t.TempDir()
	dir := filepath.Join(outside, "result")
	archive := zipped(t,
		tar.Header{Name: "a/b.txt", Typeflag: tar.TypeReg, Size: 2, Mode: 0o600},
		tar.Header{Name: "../escaped", Typeflag: tar.TypeReg, Size: 2, Mode: 0o644},
		tar.Header{Name: "/absolute", Typeflag: tar.TypeReg, Size: 2, Mode: 0o644},
		tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc"},
		tar.Header{Name: "empty/", Typeflag: tar.TypeDir, Mode: 0},
		tar.Header{Name: "set", Typeflag: tar.TypeReg, Size: 2, Mode: 0o6777},
		tar.Header{Name: ".", Typeflag: tar.TypeDir},
	)
	n, err := unpackOutput(dir, bytes.NewReader(archive))
	if err != nil || n != 4 {
		t.Fatalf("%d files, %v", n, err)
	}
	for _, name := range []string{"a/b.txt", "escaped", "absolute", "empty", "set"} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSymlink) != 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if all, _ := os.ReadDir(outside); len(all) != 1 {
		t.Errorf("beside the folder there is %v", all)
	}
	// A link that lies in the folder already is not followed outside.
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if _, err := unpackOutput(dir, bytes.NewReader(zipped(t, tar.Header{Name: "out/file", Typeflag: tar.TypeReg, Size: 2}))); err == nil {
		t.Error("a link was followed out of the folder")
	}
	for name, bad := range map[string][]byte{"no gzip": []byte("hello"), "cut off": archive[:len(archive)/2]} {
		if _, err := unpackOutput(t.TempDir(), bytes.NewReader(bad)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func zipped(t *testing.T, heads ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, head := range heads {
		if err := w.WriteHeader(&head); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(w, strings.Repeat("x", int(head.Size))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzUnpackOutput(f *testing.F) {
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, content []byte) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(content)
		z.Close()
		outside := t.TempDir()
		unpackOutput(filepath.Join(outside, "result"), &b) // any error will do
		if all, _ := os.ReadDir(outside); len(all) > 1 {
			t.Errorf("beside the folder there is %v", all)
		}
	})
}
