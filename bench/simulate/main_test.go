package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/bench/simulate/sim"
	"github.com/slipway-run/slipway/bench/simulate/trace"
)

func small(output string) *bench {
	b := &bench{cfg: sim.Defaults(), output: output, studies: "keep,memory,routing,scale",
		synthetic: trace.Synthetic{Functions: 12, Days: 1, MaxPerDay: 300}}
	b.cfg.Invokers, b.cfg.Skip = 6, time.Hour
	return b
}

// TestRun makes every study, small, in both forms.
func TestRun(t *testing.T) {
	var table, encoded bytes.Buffer
	b := small("table")
	b.plots = filepath.Join(t.TempDir(), "plots")
	if err := b.run(t.Context(), &table, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"12 functions", "fixed keep-alive", "Slipway", "Knative", "hybrid histogram", "consistent hashing"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is not in the table", want)
		}
	}
	for _, name := range []string{"keep", "memory", "routing"} {
		if _, err := os.Stat(filepath.Join(b.plots, "simulation-"+name+".svg")); err != nil {
			t.Error(err)
		}
	}
	if err := small("json").run(t.Context(), &encoded, io.Discard); err != nil {
		t.Fatal(err)
	}
	var studies []study
	if err := json.Unmarshal(encoded.Bytes(), &studies); err != nil || len(studies) != 4 || studies[0].Runs[0].Result.Invocations == 0 {
		t.Errorf("%v, %d studies", err, len(studies))
	}
}

// TestRecorded: what was written is a trace that can be given.
func TestRecorded(t *testing.T) {
	folder := t.TempDir()
	b := small("table")
	b.write = folder
	if err := b.run(t.Context(), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	var made, read bytes.Buffer
	b = small("json")
	b.studies = "scale"
	if err := b.run(t.Context(), &made, io.Discard); err != nil {
		t.Fatal(err)
	}
	b.path, b.first = folder, 1
	if err := b.run(t.Context(), &read, io.Discard); err != nil {
		t.Fatal(err)
	}
	if made.String() != read.String() {
		t.Error("the trace that was read gives another result than the one that was made")
	}
}

// TestRefuses says what is wrong with flags.
func TestRefuses(t *testing.T) {
	for _, change := range []func(*bench){
		func(b *bench) { b.output = "xml" },
		func(b *bench) { b.studies = "all" },
		func(b *bench) { b.path = "/nowhere" },
	} {
		b := small("table")
		change(b)
		if err := b.run(t.Context(), io.Discard, io.Discard); err == nil {
			t.Error("no error")
		}
	}
}
