package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/userns"
	"github.com/slipway-run/slipway/invoker/supervisor"
)

// release is the version of this binary; the Makefile sets it from git.
var release = "dev"

func main() {
	userns.Init()     // waits for its ids, when it was executed for an ordinary user
	sandbox.Init()    // becomes the first process of a sandbox and does not return, when it was executed as that
	supervisor.Init() // the same for the one that has extensions beside it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the program without the process around it: its value is the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if status := exitStatus(0); errors.As(err, &status) {
		return int(status)
	}
	if !errors.Is(err, errSaid) {
		fmt.Fprintf(stderr, "slipway: %v\n", err)
	}
	if isUsage(err) {
		fmt.Fprintf(stderr, "Run '%s --help' to see what it takes.\n", cmd.CommandPath())
		return 2
	}
	return 1
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "slipway",
		Short:         "Run functions, services and jobs on any Linux machine",
		Version:       release,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{plainly(err)} })
	root.AddCommand(newServeCommand(), newGatewayCommand(), newInvokerCommand(), newDoctorCommand())
	root.AddCommand(clientCommands()...)
	completeCommands(root)
	return root
}

// plainly adds what a flag takes to an error that has only how it was parsed.
func plainly(err error) error {
	before, after, _ := strings.Cut(err.Error(), " flag: ")
	switch {
	case strings.HasPrefix(after, "time: "):
		return fmt.Errorf("%s flag: it must be a number with its unit, as in 90s, 10m or 1h30m", before)
	case strings.HasPrefix(after, "strconv.ParseInt: "):
		return fmt.Errorf("%s flag: it must be a whole number", before)
	case strings.HasPrefix(after, "strconv.ParseFloat: "):
		return fmt.Errorf("%s flag: it must be a number", before)
	default:
		return err
	}
}

// errSaid is the error of a command that has told the user what went wrong itself.
var errSaid = errors.New("said already")

// usageError is the user's mistake on the command line: exit status 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// isUsage knows cobra's own complaints, which have no type, by how they begin.
func isUsage(err error) bool {
	var usage usageError
	if errors.As(err, &usage) {
		return true
	}
	for _, begin := range []string{"unknown command", "accepts ", "requires at ", "required flag", "invalid argument", "at least one of the flags", "if any flags in the group"} {
		if strings.HasPrefix(err.Error(), begin) {
			return true
		}
	}
	return false
}
