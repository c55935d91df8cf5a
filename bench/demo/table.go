package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// report prints the table, the last thing the demo says. It is an error when not one
// function worked.
func report(w io.Writer, rows []row, docker dockerResult) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FUNCTION\tRUNTIME\tDEPLOY\tCOLD P50\tWARM P50")
	worked := 0
	for _, r := range rows {
		if r.failed != nil {
			first, _, _ := strings.Cut(r.failed.Error(), "\n")
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.name, r.runtime, round(r.build), first)
			continue
		}
		worked++
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.name, r.runtime, round(r.build), round(median(r.cold)), round(median(r.warm)))
	}
	fmt.Fprintf(t, "docker run (go-http)\t%s\n", docker)
	if err := t.Flush(); err != nil {
		return err
	}
	if worked < len(rows) {
		return errors.New("not every example worked; the table says why")
	}
	return nil
}

func round(d time.Duration) time.Duration {
	switch {
	case d == 0:
		return 0
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond)
	default:
		return d.Round(time.Millisecond)
	}
}
