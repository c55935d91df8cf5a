package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newInvokeCommand() *cobra.Command {
	var data string
	var in sdk.Invocation
	var later sdk.AsyncInvocation
	var async bool
	cmd := &cobra.Command{
		Use:   "invoke NAME",
		Short: "Give an event to a function and show its answer",
		Long: `Give an event to a function and show its answer on standard output.

How long it took and what it used is said on standard error when that is a terminal, or
with --report; with -o json it is part of the document.

With --async the platform keeps the event, prints the id of the invocation, and runs it
by itself: 'slipway invocations wait ID' shows what came of it.

Exit status 1 means that either the function failed (exception, crash, timeout) or the
platform could not run it; which of the two is said on standard error.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if async {
				later.Qualifier, later.ContentType = in.Qualifier, in.ContentType
				return invokeAsync(cmd, args[0], data, later)
			}
			return invoke(cmd, args[0], data, in)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&data, "data", "d", "", "the event; @FILE reads it from a file, @- from standard input")
	f.StringVarP(&in.Qualifier, "qualifier", "q", "", "alias or number of a version (default: live)")
	f.StringVar(&in.ContentType, "content-type", "", "of the event (default: application/json)")
	f.BoolVar(&async, "async", false, "do not wait: print the id of the invocation, which the platform runs and records")
	f.StringVar(&later.IdempotencyKey, "idempotency-key", "", "with --async: the same key for the same function is the same event")
	f.BoolVar(&in.DryRun, "dry-run", false, "only check that it could be done")
	f.BoolVar(&in.LogTail, "log", false, "show on standard error what the function printed for the event, its last 4 KiB")
	f.Bool("report", false, "say on standard error how long it took and what it used")
	f.StringP("output", "o", "table", "json for a document of the answer and the report")
	return cmd
}

func invoke(cmd *cobra.Command, name, data string, in sdk.Invocation) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	event, err := openEvent(data, cmd.InOrStdin())
	if err != nil {
		return err
	}
	result, err := client.Invoke(cmd.Context(), name, event, in)
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "slipway: platform error (%s): %v\n", slipway.Code(err), err)
		return errSaid
	}
	if result.Body != nil {
		defer result.Body.Close()
	}
	if asJSON {
		return writeOutcome(cmd, result)
	}
	if wanted, _ := cmd.Flags().GetBool("report"); (wanted || isTerminal(cmd.ErrOrStderr())) && !in.DryRun {
		defer writeReport(cmd.ErrOrStderr(), result.Report)
	}
	if result.Error != nil {
		return sayFunctionError(cmd, result)
	}
	if result.LogTail != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), strings.TrimRight(result.LogTail, "\n"))
	}
	return copyAnswer(cmd.OutOrStdout(), result.Body)
}

// invokeAsync prints the id of the invocation.
func invokeAsync(cmd *cobra.Command, name, data string, in sdk.AsyncInvocation) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	event, err := openEvent(data, cmd.InOrStdin())
	if err != nil {
		return err
	}
	i, err := client.InvokeAsync(cmd.Context(), name, event, in)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), i)
	}
	fmt.Fprintln(cmd.OutOrStdout(), i.ID)
	return nil
}

// openEvent is the event that data stands for; a file is closed when it was sent.
func openEvent(data string, stdin io.Reader) (io.Reader, error) {
	file, isFile := strings.CutPrefix(data, "@")
	switch {
	case !isFile:
		return strings.NewReader(data), nil
	case file == "-":
		return stdin, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, usageError{slipway.Errorf(slipway.ErrInvalid, "--data: %w", err)}
	}
	return f, nil
}

// sayFunctionError shows the function's own description as the answer, and for a person
// what it means.
func sayFunctionError(cmd *cobra.Command, result *sdk.Result) error {
	fe, kind := result.Error, "unhandled"
	if fe.Handled {
		kind = "handled"
	}
	if err := copyAnswer(cmd.OutOrStdout(), strings.NewReader(string(fe.Payload))); err != nil {
		return err
	}
	w := cmd.ErrOrStderr()
	fmt.Fprintf(w, "slipway: function error (%s): %v\n", kind, fe)
	if result.LogTail != "" {
		fmt.Fprintf(w, "the last lines it printed:\n%s\n", strings.TrimRight(result.LogTail, "\n"))
	}
	return errSaid
}

// copyAnswer ends the answer with a newline for a person, and leaves it as it is for a
// program.
func copyAnswer(w io.Writer, answer io.Reader) error {
	last := &lastByte{Writer: w, last: '\n'}
	if _, err := io.Copy(last, answer); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if last.last != '\n' && isTerminal(w) {
		fmt.Fprintln(w)
	}
	return nil
}

type lastByte struct {
	io.Writer
	last byte
}

func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.last = p[len(p)-1]
	}
	return l.Writer.Write(p)
}
