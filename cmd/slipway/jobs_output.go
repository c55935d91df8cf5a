package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
)

func newJobsOutputCommand() *cobra.Command {
	var archive string
	cmd := &cobra.Command{
		Use:   "output ID [DIR]",
		Short: "Fetch what a job left in /job/output, into a folder (default: one named as the job's id)",
		Example: `  slipway jobs output 0192… result
  slipway jobs output 0192…:7 --archive - | tar tz`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			body, err := client.JobOutput(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer body.Close()
			if archive != "" {
				return writeArchive(cmd.OutOrStdout(), archive, body)
			}
			dir := args[len(args)-1]
			n, err := unpackOutput(dir, body)
			if err == nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d files in %s\n", n, dir)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&archive, "archive", "", "write the tar.gz to this file instead (- is standard output)")
	return cmd
}

func writeArchive(stdout io.Writer, name string, body io.Reader) error {
	if name == "-" {
		_, err := io.Copy(stdout, body)
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, body)
	return errors.Join(err, file.Close())
}

// unpackOutput writes files and folders below dir, and nothing outside of it whatever the
// archive says: a job's program has written it. Links and the like are left out.
func unpackOutput(dir string, body io.Reader) (files int, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	unzipped, err := gzip.NewReader(body)
	if err != nil {
		return 0, slipway.Errorf(slipway.ErrInvalid, "the output is no tar.gz: %w", err)
	}
	for in := tar.NewReader(unzipped); ; {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, fmt.Errorf("read the output: %w", err)
		}
		name := filepath.Clean("/" + head.Name)[1:]
		switch {
		case name == "":
		case head.Typeflag == tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case head.Typeflag == tar.TypeReg:
			files++
			err = writeOutputFile(root, name, head, in)
		}
		if err != nil {
			return files, err
		}
	}
}

func writeOutputFile(root *os.Root, name string, head *tar.Header, in io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, head.FileInfo().Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, in)
	return errors.Join(err, file.Close())
}
