package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

// deployment is what the flags of deploy say.
type deployment struct {
	dir     string // "" with an image that needs none
	name    string
	image   string // reference, or a file with an image archive
	runtime string
	handler string
	canary  *slipway.Canary // nil puts it live at once
}

func newDeployCommand() *cobra.Command {
	var d deployment
	cmd := &cobra.Command{
		Use:   "deploy [DIR]",
		Short: "Build a folder of code, or take an image, and put it live",
		Long: `Build a folder of code (default: this one), or take an image, and put it live.

slipway.yaml in the folder holds the function's configuration. The first of
.slipwayignore, .dockerignore and .gitignore says what is left out. A deploy that
fails changes nothing. The last line of standard output is the URL.`,
		Example: `  slipway deploy examples/python-handler --name py
  slipway deploy --image registry.example.com/app:1 --name app
  slipway deploy --image app.tar
  slipway deploy --canary 10%,50% --canary-interval 5m`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				d.dir = args[0]
			}
			return deploy(cmd, d)
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.name, "name", "", "of the function (default: from slipway.yaml, else of the folder or image)")
	f.StringVar(&d.image, "image", "", "deploy this image: a reference in a registry, or a file (OCI layout or docker save)")
	f.StringVar(&d.runtime, "runtime", "", "go, python, node, dockerfile or bootstrap (default: found in the source)")
	f.StringVar(&d.handler, "handler", "", "module.function, for python and node")
	addCanaryFlags(cmd)
	addOutputFlag(cmd)
	return cmd
}

func deploy(cmd *cobra.Command, d deployment) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	if d.canary, err = canaryPlan(cmd); err != nil {
		return err
	}
	if d.dir == "" && d.image == "" {
		d.dir = "."
	}
	var m manifest
	if d.dir != "" { // an image alone has nothing to do with the folder one is in
		if m, err = readManifest(d.dir); err != nil {
			return err
		}
	}
	name, err := d.functionName(m)
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	view := newProgress(cmd.ErrOrStderr())
	v, err := d.send(cmd.Context(), client, name, m, view)
	view.end(err == nil)
	if err != nil {
		return err
	}
	f, err := client.Function(cmd.Context(), name)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), deployed{v, f.URL})
	}
	if f.Live == v.Number { // else the build's log has said what it is instead
		fmt.Fprintf(cmd.ErrOrStderr(), "version %d of %s is live (%s, %s)\n", v.Number, v.Function, v.Runtime, v.Protocol)
	}
	fmt.Fprintln(cmd.OutOrStdout(), f.URL)
	return nil
}

// deployed is the outcome for programs.
type deployed struct {
	slipway.Version
	URL string `json:"url"`
}

// functionName is the flag's, the manifest's, or the folder's or image's own.
func (d deployment) functionName(m manifest) (string, error) {
	name := cmp.Or(d.name, m.name)
	if name != "" {
		return name, slipway.CheckName("function", name)
	}
	if d.dir != "" {
		full, err := filepath.Abs(d.dir)
		if err != nil {
			return "", err
		}
		name = strings.ToLower(filepath.Base(full))
	} else {
		name = imageName(d.image)
	}
	if err := slipway.CheckName("function", name); err != nil {
		return "", usageError{slipway.Errorf(slipway.ErrInvalid, "%w; choose a name with --name", err)}
	}
	return name, nil
}

// imageName is the last part of a reference's repository, or of a file without ending.
func imageName(image string) string {
	name := image[strings.LastIndexByte(image, '/')+1:]
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	for _, ending := range []string{".gz", ".tgz", ".tar"} {
		name = strings.TrimSuffix(name, ending)
	}
	return strings.ToLower(name)
}

// send uploads what is deployed and follows the build to its end.
func (d deployment) send(ctx context.Context, client *sdk.Client, name string, m manifest, view progress) (slipway.Version, error) {
	options := sdk.Deploy{Runtime: slipway.Runtime(d.runtime), Handler: d.handler, Config: m.config, Canary: d.canary, OnEvent: view.event}
	if d.image == "" {
		f, err := readFolder(d.dir)
		if err != nil {
			return slipway.Version{}, err
		}
		archive := f.stream(func(read int64) { view.upload(read, f.size) })
		defer archive.Close()
		return client.DeploySource(ctx, name, archive, options)
	}
	file, size, err := openImage(d.image)
	if err != nil {
		return slipway.Version{}, err
	}
	if file == nil {
		return client.DeployImage(ctx, name, d.image, options)
	}
	defer file.Close()
	options.Size = size
	options.OnUpload = func(sent int64) { view.upload(sent, options.Size) }
	return client.DeployArchive(ctx, name, file, options)
}

// openImage opens the file with an image that --image names. What is no file is a
// reference, and no file is given, unless it looks like one.
func openImage(image string) (io.ReadCloser, int64, error) {
	file, err := os.Open(image)
	if err != nil {
		if strings.HasSuffix(image, ".tar") || strings.HasPrefix(image, ".") || strings.HasPrefix(image, "/") {
			return nil, 0, slipway.Errorf(slipway.ErrInvalid, "--image: there is no file %s that can be read", image)
		}
		return nil, 0, nil
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = slipway.Errorf(slipway.ErrInvalid, "--image: %s is not a file; make an archive of it with tar, docker save or skopeo", image)
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}
