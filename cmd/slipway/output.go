package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/slipway-run/slipway"
)

// addOutputFlag lets a command answer in JSON.
func addOutputFlag(cmd *cobra.Command) {
	cmd.Flags().StringP("output", "o", "table", "table, or json for programs")
}

// wantsJSON reads the flag that addOutputFlag added.
func wantsJSON(cmd *cobra.Command) (bool, error) {
	switch format, err := cmd.Flags().GetString("output"); {
	case err != nil:
		return false, err
	case format == "json" || format == "table":
		return format == "json", nil
	default:
		return false, usageError{slipway.Errorf(slipway.ErrInvalid, "--output: %q is not allowed; it must be table or json", format)}
	}
}

// show writes doc as JSON when that is wanted, else the table.
func show(cmd *cobra.Command, doc any, t *table) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), doc)
	}
	return t.write(cmd.OutOrStdout())
}

func writeJSON(w io.Writer, doc any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

// table is rows of cells for people.
type table struct {
	head []string
	rows [][]cell
}

// cell is text and, on a terminal, its colour.
type cell struct {
	text  string
	color color
}

// color is an SGR parameter of ECMA-48; 0 is the terminal's own.
type color int

const (
	plain  color = 0
	bold   color = 1
	red    color = 31
	green  color = 32
	yellow color = 33
)

func newTable(head ...string) *table { return &table{head: head} }

// row adds a row of values without colour.
func (t *table) row(values ...any) {
	cells := make([]cell, len(values))
	for i, v := range values {
		if c, ok := v.(cell); ok {
			cells[i] = c
			continue
		}
		cells[i] = cell{text: fmt.Sprint(v)}
	}
	t.rows = append(t.rows, cells)
}

func (t *table) write(w io.Writer) error {
	head := make([]cell, len(t.head))
	for i, text := range t.head {
		head[i] = cell{text, bold}
	}
	rows := append([][]cell{head}, t.rows...)
	widths := make([]int, len(t.head))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	colored := isTerminal(w) && os.Getenv("NO_COLOR") == ""
	var b strings.Builder
	for _, row := range rows {
		for i, c := range row {
			writeCell(&b, c, colored)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeCell(b *strings.Builder, c cell, colored bool) {
	if colored && c.color != plain {
		fmt.Fprintf(b, "\x1b[%dm%s\x1b[0m", c.color, c.text)
		return
	}
	b.WriteString(c.text)
}

// isTerminal says whether a person looks at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ago is a moment as people say it: 5s, 3m, 2h, 4d ago.
func ago(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	switch d := time.Since(at); {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd ago", int(d.Hours()/24))
	}
}

// oneLine is the first line of text, and a sign that there is more.
func oneLine(text string) string {
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	if more {
		line += " …"
	}
	return line
}

// orDash is text, or a dash for nothing.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
