package rig

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Main runs a program that measures, until it ends or is interrupted: then what it made
// is taken back first. What it prints goes to w. It exits with 1 on an error.
func Main(run func(ctx context.Context, w io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1)
	}
}

// Folder makes a temporary folder that users of a sandbox may look into. remove takes it
// away; it is never nil.
func Folder(name string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "slipway-"+name+"-")
	if err != nil {
		return "", func() {}, err
	}
	return dir, func() { os.RemoveAll(dir) }, os.Chmod(dir, 0o755)
}
