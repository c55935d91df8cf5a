package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

// definitionFile is a job definition in the folder of its program.
const definitionFile = "job.yaml"

func newDefinitionsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "definitions", Aliases: []string{"definition"}, Short: "Job definitions: what jobs run, in numbered revisions"}
	return group(cmd, newDefinitionsListCommand(), newDefinitionsPutCommand(),
		showCommand("Show a revision: NAME:REVISION, or the newest active one", func(cmd *cobra.Command, c *sdk.Client, name string) (any, *table, error) {
			d, err := c.Definition(cmd.Context(), name)
			return d, definitionTable([]slipway.JobDefinition{d}), err
		}),
		deleteCommand("Take a revision out of use, NAME:REVISION, or all; jobs that were submitted still run", func(cmd *cobra.Command, c *sdk.Client, name string) error {
			return c.DeleteDefinition(cmd.Context(), name)
		}),
	)
}

func newDefinitionsListCommand() *cobra.Command {
	var name string
	cmd := listCommand("list", "List active revisions by name, newest first", func(cmd *cobra.Command, c *sdk.Client) (any, *table, error) {
		all, err := c.Definitions(cmd.Context(), name)
		return listOf(all), definitionTable(all), err
	})
	cmd.Flags().StringVar(&name, "name", "", "all revisions of this one, the inactive ones too")
	return cmd
}

// registration is what the flags of definitions put say beside the document.
type registration struct {
	name    string
	dir     string // of source; "" is none
	image   string // reference, function, or file
	runtime string
	handler string
}

func newDefinitionsPutCommand() *cobra.Command {
	var r registration
	cmd := &cobra.Command{
		Use:   "put NAME [DIR] [-- COMMAND…]",
		Short: "Register a revision of a job definition; what is not said stays as it is",
		Long: `Register a revision of a job definition. What is not said is as in the newest revision.

With DIR the program in it is built; with --image the image is a function of this
platform (hello, hello:3, hello:live), one of a registry, or a file (OCI layout or docker
save). ` + definitionFile + ` in the folder, or the file that -f names, holds the rest.`,
		Example: `  slipway definitions put words examples/pipeline/words --memory 64 --retries 2
  slipway definitions put report --image hello:live -- /var/task/main --report
  slipway definitions put words --timeout 10m`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() >= 0 {
				args = args[:cmd.ArgsLenAtDash()]
			}
			return cobra.RangeArgs(1, 2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			words := []string(nil)
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				args, words = args[:at], args[at:]
			}
			if r.name = args[0]; len(args) == 2 {
				r.dir = args[1]
			}
			return putDefinition(cmd, r, words)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.image, "image", "", "a function of this platform, a reference in a registry, or a file with an image")
	f.StringVar(&r.runtime, "runtime", "", "of DIR: go, python, node or bootstrap (default: found in the source)")
	f.StringVar(&r.handler, "handler", "", "of DIR: the file to run, or the folder of a package main (default: found in the source)")
	f.StringArray("command", nil, "the command line, one word each, or all of it behind --; it replaces the image's")
	f.StringArray("argument", nil, "follows the command line, one word each")
	f.Float64("cpu", 0, "vCPUs")
	f.Int("memory", 0, "MiB of memory")
	f.Int("ephemeral", 0, "MiB that it may write outside of /job/output")
	f.Int("output-mb", 0, "MiB that /job/output may hold to be kept; 0 keeps nothing")
	f.Int("pids", 0, "processes and threads")
	f.Duration("timeout", 0, "of an attempt; 0 is none")
	f.Int("retries", 0, "how often a failed attempt is tried again, 0 to 9")
	f.StringArray("env", nil, "NAME=VALUE")
	f.StringArray("param", nil, "NAME=VALUE: the default for Ref::NAME in the command line")
	f.String("network", "", "egress or none")
	f.String("isolation", "", "native, or oci:<runtime>")
	addFileFlag(cmd)
	addOutputFlag(cmd)
	return cmd
}

// definitionFields are the flags of definitions put in the document.
func definitionFields() map[string]field {
	return map[string]field{
		"command": {"command", asList}, "argument": {"arguments", asList},
		"cpu": {"cpu", asNumber}, "memory": {"memory_mb", asNumber}, "ephemeral": {"ephemeral_mb", asNumber},
		"output-mb": {"output_mb", asNumber}, "pids": {"pids", asNumber}, "timeout": {"timeout", asText},
		"retries": {"retry.attempts", asAttempts}, "env": {"env", asPairs}, "param": {"parameters", asPairs},
		"network": {"network", asText}, "isolation": {"isolation", asText},
	}
}

// asAttempts is one more than there are retries.
func asAttempts(f *pflag.Flag) (any, error) {
	n, err := strconv.Atoi(f.Value.String())
	if err != nil || n < 0 || n >= slipway.MaxAttempts {
		return nil, fmt.Errorf("%s is not allowed; it must be between 0 and %d", f.Value, slipway.MaxAttempts-1)
	}
	return n + 1, nil
}

func putDefinition(cmd *cobra.Command, r registration, command []string) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	if r.dir != "" && r.image != "" {
		return usageError{slipway.Errorf(slipway.ErrInvalid, "--image and a folder are not allowed together")}
	}
	doc, err := r.document(cmd, command)
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	view := newProgress(cmd.ErrOrStderr())
	d, err := r.send(cmd.Context(), client, doc, view)
	view.end(err == nil)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), d)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s:%d\n", d.Name, d.Revision)
	return nil
}

// document is the file of the folder, or the one that was named, with the flags over it.
func (r registration) document(cmd *cobra.Command, command []string) (map[string]any, error) {
	doc, err := readDocument(cmd)
	if err != nil {
		return nil, err
	}
	if r.dir != "" && !cmd.Flags().Changed("file") {
		name := filepath.Join(r.dir, definitionFile)
		text, err := os.ReadFile(name)
		if err == nil {
			if doc, err = parseDocument(text); err != nil {
				return nil, slipway.Errorf(slipway.ErrInvalid, "%s: %w", name, err)
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if err := applyFlags(cmd, doc, definitionFields()); err != nil {
		return nil, err
	}
	if command != nil {
		doc["command"] = command
	}
	return doc, nil
}

// send registers the revision, after a build when there is something to build.
func (r registration) send(ctx context.Context, client *sdk.Client, doc map[string]any, view progress) (d slipway.JobDefinition, err error) {
	options := sdk.Register{Runtime: slipway.Runtime(r.runtime), Handler: r.handler, Patch: doc, OnEvent: view.event}
	if r.dir != "" {
		f, err := readFolder(r.dir)
		if err != nil {
			return d, err
		}
		archive := f.stream(func(read int64) { view.upload(read, f.size) })
		defer archive.Close()
		return client.RegisterSource(ctx, r.name, archive, options)
	}
	if r.image == "" || !strings.ContainsAny(r.image, "/.@") {
		if r.image != "" {
			doc["image"] = r.image
		}
		return client.PutDefinition(ctx, r.name, doc)
	}
	file, size, err := openImage(r.image)
	if err != nil {
		return d, err
	}
	if file == nil {
		return client.RegisterImage(ctx, r.name, r.image, options)
	}
	defer file.Close()
	options.Size = size
	options.OnUpload = func(sent int64) { view.upload(sent, size) }
	return client.RegisterArchive(ctx, r.name, file, options)
}

func definitionTable(definitions []slipway.JobDefinition) *table {
	t := newTable("NAME", "REVISION", "ACTIVE", "IMAGE", "COMMAND", "CPU", "MEMORY", "TIMEOUT", "ATTEMPTS", "CREATED")
	for _, d := range definitions {
		timeout := "none"
		if d.Timeout > 0 {
			timeout = d.Timeout.String()
		}
		active := cell{"yes", green}
		if !d.Active {
			active = cell{"no", yellow}
		}
		words := strings.Join(append(append([]string{}, d.Command...), d.Arguments...), " ")
		t.row(d.Name, d.Revision, active, shortImage(d.Image), orDash(shortened(oneLine(words), 40)), d.CPU, fmt.Sprintf("%d MiB", d.MemoryMB), timeout, d.Retry.Attempts, ago(d.CreatedAt))
	}
	return t
}

// shortImage is an image with as much of its digest as people read.
func shortImage(image string) string {
	name, digest, ok := strings.Cut(image, "@sha256:")
	if !ok {
		return image
	}
	return name + "@" + digest[:min(12, len(digest))]
}

// shortened is the beginning of text, n characters at most.
func shortened(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}
