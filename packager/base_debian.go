package packager

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// suites are the releases of Debian to make a base from, the newest first: which of
// them can be had depends on the machine's keyring.
func suites() []string { return []string{"trixie", "bookworm"} }

// debianTime bounds the making of one base.
const debianTime = 5 * time.Minute

// debianBase is a base made of packages: its digest, and words about it. It is made
// once for all stores that share the cache: see base_cache.go.
func (p *Packager) debianBase(ctx context.Context, kind baseKind, from baseSource, emit emitter) (digest, about string, err error) {
	tried := suites()
	if p.cfg.Suite != "" {
		tried = []string{p.cfg.Suite}
	}
	unlock, err := lockFile(ctx, p.basesDir(string(kind)+".lock"))
	if err != nil {
		return "", "", err
	}
	defer unlock()
	for _, suite := range tried {
		digest, about, err := p.cachedBase(ctx, kind, suite)
		if err != nil || digest != "" {
			return digest, about, err
		}
	}
	for _, suite := range tried {
		if digest, about, err = p.makeDebianBase(ctx, kind, suite, from, emit); err == nil {
			return digest, about, nil
		}
		if ctx.Err() != nil {
			return "", "", context.Cause(ctx)
		}
		emit.text(fmt.Sprintf("Debian %s cannot be used: %v", suite, err))
	}
	return "", "", err
}

func (p *Packager) makeDebianBase(ctx context.Context, kind baseKind, suite string, from baseSource, emit emitter) (digest, about string, err error) {
	emit.text(fmt.Sprintf("making a base from Debian %s packages (once): %s", suite, strings.Join(from.packages, " ")))
	work, err := p.store.tempDir()
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(work)
	archive := filepath.Join(work, "base.tar")
	if err := mmdebstrap(ctx, suite, from.packages, archive); err != nil {
		return "", "", err
	}
	layer, err := p.trimmedLayer(ctx, archive)
	if err != nil {
		return "", "", wrap("read what mmdebstrap made", err)
	}
	scaffold, err := p.scaffold(ctx)
	if err != nil {
		return "", "", err
	}
	if digest, err = p.addBase(ctx, layer, scaffold); err != nil {
		return "", "", err
	}
	if kind == basePython {
		if digest, err = p.withBytecode(ctx, digest, emit); err != nil {
			return "", "", err
		}
	}
	about = fmt.Sprintf("%s from Debian packages (%s: %s)", p.versionOf(ctx, digest, from.tool), suite, strings.Join(from.packages, " "))
	return digest, about, p.cacheBase(ctx, kind, suite, digest, about)
}

func (p *Packager) addBase(ctx context.Context, layers ...v1.Layer) (string, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(img, layers...)
	if err != nil {
		return "", err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return "", err
	}
	file = file.DeepCopy()
	platform := host()
	file.OS, file.Architecture, file.History = platform.OS, platform.Architecture, nil
	file.Config.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return "", err
	}
	return p.store.AddImage(ctx, img)
}

// versionOf asks the base itself, which also shows that it works.
func (p *Packager) versionOf(ctx context.Context, digest string, program []string) string {
	b, err := p.openBase(ctx, digest)
	if err != nil {
		return program[0]
	}
	layers, err := p.unpacked(ctx, b)
	if err != nil {
		return program[0]
	}
	var lines []string
	err = p.runTool(ctx, tool{name: program[0], layers: layers, args: program, env: b.env, dir: "/"}, func(e slipway.BuildEvent) { lines = append(lines, e.Text) })
	if err != nil || len(lines) == 0 {
		return program[0]
	}
	line := strings.TrimSpace(strings.ToLower(lines[0]))
	if !strings.Contains(line, program[0]) && !strings.Contains(line, "python") {
		line = program[0] + " " + line
	}
	return line
}

// mmdebstrap makes a tar of packages and what they depend on, unpacked but not
// configured: what a function needs of a system needs no configuration. Where the
// packages come from is the tool's own default, or the machine's.
func mmdebstrap(ctx context.Context, suite string, packages []string, archive string) error {
	program, err := exec.LookPath("mmdebstrap")
	if err != nil {
		return slipway.Errorf(slipway.ErrUnavailable, "mmdebstrap is not installed: install it (apt-get install mmdebstrap), or give references of images in a registry that can be reached (--python-base, --node-base)")
	}
	limited, cancel := context.WithTimeout(ctx, debianTime)
	defer cancel()
	cmd := exec.CommandContext(limited, program, "--quiet", "--variant=extract", "--format=tar",
		"--include="+strings.Join(packages, ","), suite, archive)
	cmd.Dir = "/"
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it cleans up behind itself
	cmd.WaitDelay = 10 * time.Second
	var words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &words, &words
	if err := cmd.Run(); err != nil {
		return slipway.Errorf(slipway.ErrUnavailable, "mmdebstrap %s: %w: %s", suite, err, lastWords(words.String()))
	}
	return nil
}

// lastWords are the errors among what mmdebstrap printed, or its last line.
func lastWords(text string) string {
	var errs []string
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "E: ") {
			errs = append(errs, strings.TrimPrefix(line, "E: "))
		}
	}
	if len(errs) == 0 {
		return lines[len(lines)-1]
	}
	return strings.Join(errs, "; ")
}
