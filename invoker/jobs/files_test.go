package jobs_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/jobs"
)

// TestEnvironment: what an attempt sees of itself.
func TestEnvironment(t *testing.T) {
	w := boot(t)
	a := changed(job("env", "an argument"), func(a *slipway.Assignment) {
		a.Array, a.From, a.To, a.Attempt = 9, 7, 8, 2
		a.Env = map[string]string{"MINE": "yes", "OF_IMAGE": "2", "AWS_BATCH_JQ_NAME": "forged"}
	})
	w.give(a)
	w.over(a, 7)
	lines := w.printed(a, 7, "stdin=")
	for _, want := range []string{
		"SLIPWAY_JOB_ID=" + a.Job + ":7", "AWS_BATCH_JOB_ID=" + a.Job + ":7", "SLIPWAY_JOB_ATTEMPT=2", "AWS_BATCH_JOB_ATTEMPT=2",
		"SLIPWAY_ARRAY_INDEX=7", "SLIPWAY_JOB_ARRAY_INDEX=7", "AWS_BATCH_JOB_ARRAY_INDEX=7", "SLIPWAY_JOB_ARRAY_SIZE=9", "AWS_BATCH_JOB_ARRAY_SIZE=9",
		"SLIPWAY_JOB_QUEUE=q", "SLIPWAY_QUEUE=q", "AWS_BATCH_JQ_NAME=q", "AWS_BATCH_CE_NAME=e", "SLIPWAY_JOB_NAME=j",
		"MINE=yes", "OF_IMAGE=2", "HOME=/root", `dir=/work stdin=0 args=["an argument"]`,
	} {
		if !strings.Contains("\n"+strings.Join(lines, "\n")+"\n", "\nstdout: "+want+"\n") {
			t.Errorf("%q is not in %q", want, lines)
		}
	}
	single := job("env")
	w.outcome(single)
	for _, line := range w.printed(single, 0, "stdin=") {
		if strings.Contains(line, "ARRAY") {
			t.Errorf("a job that is no array has %q", line)
		}
	}
}

// TestInput: archives are unpacked for attempts to read, and nothing else.
func TestInput(t *testing.T) {
	w := boot(t, func(c *jobs.Config) { c.InputMB = 1 })
	digest := w.archive(file("a/b", "of the archive"))
	result := w.archive(file("part", "of another job"))
	a := changed(job("read", "/job/input/a/b", "/job/deps/map/3/part"), func(a *slipway.Assignment) {
		child := 1
		a.Input = digest
		a.Deps = []slipway.DepOutput{{Path: "map/3", Digest: result}, {Path: "map/4"}, {Path: "not/mine", Digest: "sha256:none", Child: &child}}
	})
	if r := w.outcome(a); r.Reason != "" {
		t.Errorf("reason %q; it printed %q", r.Reason, w.printed(a, 0, ""))
	}
	lines := strings.Join(w.printed(a, 0, "another"), "\n")
	if want := "stdout: /job/input/a/b: of the archive\nstdout: /job/deps/map/3/part: of another job"; lines != want {
		t.Errorf("it printed %q", lines)
	}
	t.Run("read-only", func(t *testing.T) {
		w := w.of(t)
		a := changed(job("readonly", "/job/input/new"), func(a *slipway.Assignment) { a.Input = digest })
		w.outcome(a)
		w.printed(a, 0, "read-only file system")
	})
	t.Run("shared by an array", func(t *testing.T) {
		w := w.of(t)
		a := changed(array(20, "read", "/job/input/a/b"), func(a *slipway.Assignment) { a.Input = digest })
		w.give(a)
		for i := range 20 {
			if r := w.over(a, i); r.Reason != "" {
				t.Errorf("child %d: %s", i, r.Reason)
			}
		}
	})
	for name, entry := range map[string]tar.Header{
		"out of the folder": file("../evil", "x"),
		"a link out":        {Name: "evil", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		"a device":          {Name: "evil", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3},
	} {
		t.Run(name, func(t *testing.T) {
			a := changed(job("exit", "0"), func(a *slipway.Assignment) { a.Input = w.archive(entry) })
			if r := w.of(t).outcome(a); r.Event != slipway.AttemptEnded || !strings.HasPrefix(r.Reason, "CannotStart: make /job/input: ") {
				t.Errorf("%s: %s", r.Event, r.Reason)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		a := changed(job("exit", "0"), func(a *slipway.Assignment) { a.Input = "sha256:" + strings.Repeat("0", 64) })
		if r := w.of(t).outcome(a); r.Event != slipway.AttemptEnded || !strings.HasPrefix(r.Reason, "CannotStart: ") {
			t.Errorf("%s: %s", r.Event, r.Reason)
		}
	})
	t.Run("what nobody uses goes", func(t *testing.T) {
		w := w.of(t)
		for n := range 4 { // of which one has room
			big := w.archive(file("big", strings.Repeat(string(rune('a'+n)), 700<<10)))
			w.outcome(changed(job("exit", "0"), func(a *slipway.Assignment) { a.Input = big }))
		}
		until(t, "folders of inputs go", func() bool {
			left, err := os.ReadDir(filepath.Join(w.cfg.Dir, "inputs"))
			return err == nil && len(left) <= 4
		})
	})
}

// TestOutput: what an attempt leaves is kept, as far as it may be.
func TestOutput(t *testing.T) {
	w := boot(t)
	a := changed(job("write", "/job/output/a/b", "result", "/job/output/c", "more"), func(a *slipway.Assignment) { a.Attempt = 3 })
	r := w.outcome(a)
	if r.Output == nil || r.Output.Note != "" || r.Output.Attempt != 3 {
		t.Fatalf("output %+v, reason %q", r.Output, r.Reason)
	}
	if got := w.contents(r.Output.Digest); got != "a/ a/b=result c=more" {
		t.Errorf("the output holds %q", got)
	}
	t.Run("an attempt that failed", func(t *testing.T) {
		if r := w.of(t).outcome(job("write", "/job/output/x", "1", "/proc/nowhere/x", "2")); r.Output == nil || r.Output.Digest == "" || code(r) != 9 {
			t.Errorf("exit code %d, output %+v", code(r), r.Output)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		if r := w.of(t).outcome(job("exit", "0")); r.Output != nil {
			t.Errorf("output %+v", r.Output)
		}
	})
	t.Run("not wanted", func(t *testing.T) {
		a := changed(job("write", "/job/output/x", "1"), func(a *slipway.Assignment) { a.OutputMB = 0 })
		if r := w.of(t).outcome(a); r.Output != nil || r.Reason != "" {
			t.Errorf("output %+v, reason %q", r.Output, r.Reason)
		}
	})
	t.Run("what is dangerous", func(t *testing.T) {
		w := w.of(t)
		r := w.outcome(job("wild"))
		if r.Output == nil || !strings.HasPrefix(r.Output.Note, "6 files were left out") {
			t.Fatalf("output %+v, reason %q", r.Output, r.Reason)
		}
		if got := w.contents(r.Output.Digest); got != "file=content link->file same==file sub/ sub/up->.." {
			t.Errorf("the output holds %q", got)
		}
		next := changed(job("read", "/job/deps/wild/link"), func(a *slipway.Assignment) {
			a.Deps = []slipway.DepOutput{{Path: "wild", Digest: r.Output.Digest}}
		})
		if r := w.outcome(next); r.Reason != "" {
			t.Errorf("the job that gets it: %s", r.Reason)
		}
	})
	t.Run("a terabyte of nothing", func(t *testing.T) {
		r := w.of(t).outcome(job("sparse"))
		if r.Output == nil || r.Output.Digest != "" || r.Output.Note != "it is larger than output_mb, 4" || r.Reason != "" {
			t.Errorf("output %+v, reason %q", r.Output, r.Reason)
		}
	})
	t.Run("too large", func(t *testing.T) {
		a := changed(job("bulk", "/job/output/x"), func(a *slipway.Assignment) { a.OutputMB = 1 })
		if r := w.of(t).outcome(a); r.Output == nil || r.Output.Digest != "" || r.Output.Note != "it is larger than output_mb, 1" {
			t.Errorf("output %+v, reason %q", r.Output, r.Reason)
		}
	})
	t.Run("of a user", func(t *testing.T) {
		w := boot(t)
		img, _ := image()
		img.User = "app"
		w.prepare = func(context.Context, string) (slipway.Image, error) { return img, nil }
		if r := w.outcome(job("write", "/job/output/x", "1")); r.Output == nil || r.Output.Digest == "" {
			t.Errorf("output %+v, reason %q", r.Output, r.Reason)
		}
	})
}

// contents is what is in an output, in short.
func (w *world) contents(digest string) string {
	w.t.Helper()
	r, _, err := w.archives.Open(w.ctx, digest)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	plain, err := gzip.NewReader(r)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for tr := tar.NewReader(plain); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return strings.Join(all, " ")
		}
		if err != nil {
			w.t.Fatal(err)
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			w.t.Fatal(err)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			all = append(all, h.Name)
		case tar.TypeSymlink:
			all = append(all, h.Name+"->"+h.Linkname)
		case tar.TypeLink:
			all = append(all, h.Name+"=="+h.Linkname)
		default:
			all = append(all, h.Name+"="+string(text))
		}
	}
}
