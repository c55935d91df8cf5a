package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
)

func newDoctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Try what this machine can and cannot do, and say how to mend it",
		Long: `Try what this machine can and cannot do, and say how to mend it.

Nothing is guessed from version numbers: mounts, control groups, networks and a
sandbox are made on a small scale and removed again. An ordinary user learns what a
server without root can do. The exit status is 1 when something is missing that a server
with instances needs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return examineAsRoot(cmd) },
	}
	cmd.Flags().String("data", cmp.Or(os.Getenv(variable("data")), defaultDataDir()), "data folder of the server, which may not exist yet")
	addOutputFlag(cmd)
	return cmd
}

func runDoctor(cmd *cobra.Command) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	data, err := cmd.Flags().GetString("data")
	if err != nil {
		return err
	}
	d, err := newDoctor(data)
	if err != nil {
		return err
	}
	report := examine(cmd.Context(), d.checks())
	if err := d.close(); err != nil {
		return err
	}
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), report)
	} else {
		err = report.write(cmd.OutOrStdout())
	}
	if err == nil && !report.OK {
		err = errSaid
	}
	return err
}

// check is one question to the machine.
type check struct {
	name string
	root bool // can be answered only by root
	try  func(context.Context) finding
}

// finding is the answer.
type finding struct {
	State state  `json:"state"`
	Found string `json:"found"`          // what is so, and what it means
	Mend  string `json:"mend,omitempty"` // what to do about it
}

// state of a check.
type state string

const (
	stateOK   state = "ok"
	stateWarn state = "warn" // something less works
	stateFail state = "fail" // instances cannot be made
)

func fine(format string, args ...any) finding {
	return finding{State: stateOK, Found: fmt.Sprintf(format, args...)}
}

func warning(mend, format string, args ...any) finding {
	return finding{State: stateWarn, Found: fmt.Sprintf(format, args...), Mend: mend}
}

func failure(mend, format string, args ...any) finding {
	return finding{State: stateFail, Found: fmt.Sprintf(format, args...), Mend: mend}
}

// report is what the doctor says. It is also the JSON document.
type report struct {
	OK           bool     `json:"ok"` // nothing that is needed is missing
	Checks       []result `json:"checks"`
	Milliseconds float64  `json:"milliseconds"`
}

type result struct {
	Name string `json:"name"`
	finding
	Milliseconds float64 `json:"milliseconds"`
}

// examine makes the checks one after the other. What only root can try is a warning
// for others; the check of the user says once what to do about it.
func examine(ctx context.Context, checks []check) report {
	began := time.Now()
	r := report{OK: true}
	for _, c := range checks {
		start := time.Now()
		found := warning("", "not tried: it needs root")
		if !c.root || os.Geteuid() == 0 {
			found = c.try(ctx)
		}
		r.OK = r.OK && found.State != stateFail
		r.Checks = append(r.Checks, result{c.name, found, milliseconds(start)})
	}
	r.Milliseconds = milliseconds(began)
	return r
}

// milliseconds since start, to three digits.
func milliseconds(start time.Time) float64 {
	return float64(time.Since(start).Microseconds()) / 1000
}

// write shows the report to a person: a table, then what to do.
func (r report) write(w io.Writer) error {
	t := newTable("CHECK", "STATE", "TIME", "FOUND")
	for _, c := range r.Checks {
		t.row(c.Name, c.State.cell(), fmt.Sprintf("%.1fms", c.Milliseconds), oneLine(c.Found))
	}
	if err := t.write(w); err != nil {
		return err
	}
	var mends []result
	for _, c := range r.Checks {
		if c.Mend != "" {
			mends = append(mends, c)
		}
	}
	if len(mends) > 0 {
		fmt.Fprintf(w, "\nWhat to do:\n")
	}
	for _, c := range mends {
		fmt.Fprintf(w, "  %s: %s\n", c.Name, c.Mend)
	}
	_, err := fmt.Fprintf(w, "\n%s It took %.0f ms.\n", r.verdict(), r.Milliseconds)
	return err
}

func (r report) verdict() string {
	warnings := 0
	for _, c := range r.Checks {
		if c.State == stateWarn {
			warnings++
		}
	}
	switch {
	case !r.OK:
		return "This machine cannot run instances as it is."
	case warnings > 0:
		return "This machine can run instances; some things could be better."
	default:
		return "This machine can run instances."
	}
}

func (s state) cell() cell {
	switch s {
	case stateOK:
		return cell{string(s), green}
	case stateWarn:
		return cell{string(s), yellow}
	default:
		return cell{string(s), red}
	}
}
