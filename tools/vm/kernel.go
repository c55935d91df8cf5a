package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// kernel is what was found in the packages.
type kernel struct {
	release string            // as in "6.1.0-56-cloud-amd64"
	image   []byte            // to boot
	modules map[string][]byte // by name, compressed or not; see module
	suffix  map[string]string // of their files: ".ko", ".ko.xz", ".ko.zst"
	builtin map[string]bool   // names of modules that are part of the image
	busybox []byte            // a shell
}

// kernelPackages are the kernels for virtual machines of Debian and Ubuntu. Each is a
// name for the newest one, which it depends on.
var kernelPackages = []string{"linux-image-cloud-amd64", "linux-image-virtual"}

const shellPackage = "busybox-static"

func requirePrograms() error {
	for program, from := range map[string]string{"qemu-system-x86_64": "qemu-system-x86", "mke2fs": "e2fsprogs", "dpkg-deb": "dpkg", "apt-get": "apt", "xz": "xz-utils"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: install the package %s (tools/deps.sh vm)", err, from)
		}
	}
	return nil
}

// fetchKernel reads the packages in dir, which are fetched when it does not exist.
func fetchKernel(ctx context.Context, dir string) (*kernel, error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if err := fetchPackages(ctx, dir); err != nil {
			return nil, fmt.Errorf("fetch a kernel (one of the packages %s, and %s, of Debian or Ubuntu): %w", strings.Join(kernelPackages, " and "), shellPackage, err)
		}
	}
	k := &kernel{modules: map[string][]byte{}, suffix: map[string]string{}, builtin: map[string]bool{}}
	packages, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		if err := k.read(ctx, p); err != nil {
			return nil, fmt.Errorf("read %s: %w", p, err)
		}
	}
	if k.image == nil || k.busybox == nil || len(k.modules) == 0 {
		return nil, fmt.Errorf("%s does not hold a kernel, its modules and a busybox: remove it and try again", dir)
	}
	return k, nil
}

// fetchPackages fetches into a folder that gets its name when it is complete.
func fetchPackages(ctx context.Context, dir string) error {
	names, err := resolve(ctx)
	if err != nil {
		if out, updateErr := exec.CommandContext(ctx, "apt-get", "update", "-qq").CombinedOutput(); updateErr != nil {
			return fmt.Errorf("%w; apt-get update: %w\n%s", err, updateErr, out)
		}
		if names, err = resolve(ctx); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "packages-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(part)
	download := exec.CommandContext(ctx, "apt-get", append([]string{"download", "-q"}, names...)...)
	download.Dir = part
	if out, err := download.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get download %s: %w\n%s", strings.Join(names, " "), err, out)
	}
	return os.Rename(part, dir)
}

// resolve names the packages to fetch: the shell, the first kernel there is, and what
// of it is in packages of their own.
func resolve(ctx context.Context) ([]string, error) {
	var errs []error
	for _, name := range kernelPackages {
		names := []string{shellPackage}
		kernels, err := parts(ctx, name)
		for err == nil && len(kernels) > 0 {
			names = append(names, kernels[0])
			var more []string
			more, err = parts(ctx, kernels[0])
			kernels = append(kernels[1:], more...)
		}
		if err == nil && len(names) > 1 {
			return names, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// kernelPart matches the names of packages with a kernel or modules of one release, and
// finds them among the dependencies that apt-cache lists.
var kernelPart = regexp.MustCompile(`(?m)^ +\|?Depends: (linux-(?:image|modules)-[0-9][^ \n]*)$`)

func parts(ctx context.Context, name string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "apt-cache", "depends", name).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("apt-cache depends %s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	var found []string
	for _, match := range kernelPart.FindAllStringSubmatch(string(out), -1) {
		found = append(found, match[1])
	}
	return found, nil
}

// read takes what is of use out of a package.
func (k *kernel) read(ctx context.Context, file string) error {
	unpack := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", file)
	unpack.Stderr = os.Stderr
	out, err := unpack.StdoutPipe()
	if err != nil {
		return err
	}
	if err := unpack.Start(); err != nil {
		return err
	}
	readErr := k.readTar(tar.NewReader(out))
	_, drainErr := io.Copy(io.Discard, out)
	return errors.Join(readErr, drainErr, unpack.Wait())
}

func (k *kernel) readTar(archive *tar.Reader) error {
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag == tar.TypeReg {
			if err := k.take(header.Name, archive); err != nil {
				return fmt.Errorf("%s: %w", header.Name, err)
			}
		}
	}
}

func (k *kernel) take(name string, content io.Reader) (err error) {
	base := path.Base(name)
	stem, suffix, isModule := cutModule(base)
	switch {
	case strings.HasPrefix(base, "vmlinuz-"):
		k.release = strings.TrimPrefix(base, "vmlinuz-")
		k.image, err = io.ReadAll(content)
	case isModule:
		k.suffix[stem] = suffix
		k.modules[stem], err = io.ReadAll(content)
	case base == "modules.builtin":
		var list []byte
		list, err = io.ReadAll(content)
		for line := range strings.Lines(string(list)) {
			stem, _, _ := cutModule(path.Base(strings.TrimSpace(line)))
			k.builtin[stem] = true
		}
	case strings.HasSuffix(name, "/bin/busybox"):
		k.busybox, err = io.ReadAll(content)
	}
	return err
}

// cutModule splits the name of a module's file. In names of modules, unlike in those of
// files, there are no hyphens.
func cutModule(base string) (name, suffix string, ok bool) {
	stem, rest, ok := strings.Cut(base, ".ko")
	return strings.ReplaceAll(stem, "-", "_"), ".ko" + rest, ok
}
