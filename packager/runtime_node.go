package packager

import (
	"context"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// buildNode puts code, dependencies and bootstrap on top of a base with Node.
func (p *Packager) buildNode(ctx context.Context, src *source) (recipe, error) {
	manifest, err := readPackage(src.dir)
	if err != nil {
		return recipe{}, err
	}
	find := findNodeHandler
	if src.program {
		find = findNodeProgram
	}
	if err := find(src, manifest); err != nil {
		return recipe{}, err
	}
	below, err := p.base(ctx, baseNode, src.emit)
	if err != nil {
		return recipe{}, err
	}
	made := recipe{
		base: below.image, cmd: []string{src.handler},
		entrypoint: []string{"node", "/" + runtimeDir + "/bootstrap.cjs"},
		env:        []string{"NODE_ENV=production", "LAMBDA_TASK_ROOT=/" + taskDir},
	}
	if src.program {
		made.entrypoint, made.cmd = nodeProgram(src.handler), nil
	}
	bootstrap, err := p.nodeBootstrap(ctx, src)
	if err != nil {
		return recipe{}, err
	}
	made.layers = []v1.Layer{bootstrap}
	dependencies, err := p.nodeDependencies(ctx, src, manifest, below)
	if err != nil {
		return recipe{}, err
	}
	if dependencies != nil {
		made.layers = append(made.layers, dependencies)
	}
	code, err := p.codeLayer(ctx, src)
	made.layers = append(made.layers, code)
	return made, err
}

// nodePackage is what matters of package.json.
type nodePackage struct {
	Main         string            `json:"main"`
	Scripts      map[string]string `json:"scripts"`
	Dependencies map[string]string `json:"dependencies"`
	Optional     map[string]string `json:"optionalDependencies"`
}

func readPackage(dir string) (nodePackage, error) {
	var manifest nodePackage
	raw, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if os.IsNotExist(err) {
		return manifest, nil
	}
	if err != nil {
		return manifest, err
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return manifest, slipway.Errorf(slipway.ErrInvalid, "package.json: %w", err)
	}
	return manifest, nil
}

// findNodeHandler decides what is run when the configuration does not say it: the
// script start of package.json, its main, index, or the only file there is.
func findNodeHandler(src *source, manifest nodePackage) error {
	if src.handler != "" {
		return nil
	}
	if manifest.Scripts["start"] != "" {
		src.find("npm start")
		return nil
	}
	if main := path.Clean(manifest.Main); manifest.Main != "" && src.has(main) {
		src.find(strings.TrimSuffix(main, path.Ext(main)) + ".handler")
		return nil
	}
	var files []string
	for _, extension := range []string{".mjs", ".js", ".cjs"} {
		if src.has("index" + extension) {
			src.find("index.handler")
			return nil
		}
		more, err := filepath.Glob(filepath.Join(src.dir, "*"+extension))
		if err != nil {
			return err
		}
		files = append(files, more...)
	}
	if len(files) == 1 {
		name := filepath.Base(files[0])
		src.find(strings.TrimSuffix(name, filepath.Ext(name)) + ".handler")
		return nil
	}
	return slipway.Errorf(slipway.ErrInvalid, "node: package.json has no script start and no main that is there, and there is no index.js or index.mjs at the top of the source; say which function to call with handler: module.function (or --handler), or file.js for a program that listens on $PORT")
}

func (p *Packager) nodeBootstrap(ctx context.Context, src *source) (v1.Layer, error) {
	dir := filepath.Join(src.work, "runtime")
	if err := os.CopyFS(dir, p.cfg.Node); err != nil {
		return nil, wrap("unpack the bootstrap", err)
	}
	files, err := folderFiles(runtimeDir, dir)
	if err != nil {
		return nil, err
	}
	return p.addFiles(ctx, files)
}

// nodeDependencies is the layer with node_modules; nil when nothing has to be
// installed, or the source brought its own. It is made once for the same package.json,
// lock file, base and tenant.
func (p *Packager) nodeDependencies(ctx context.Context, src *source, manifest nodePackage, below base) (v1.Layer, error) {
	if len(manifest.Dependencies)+len(manifest.Optional) == 0 {
		return nil, nil
	}
	src.emit.step("dependencies")
	if src.has("node_modules") {
		src.emit.text("node_modules of the source is used as it is; leave it out (.slipwayignore) to have it installed here")
		return nil, nil
	}
	parts := []string{src.tenant, below.digest}
	for _, name := range npmFiles() {
		raw, err := os.ReadFile(filepath.Join(src.dir, name))
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		parts = append(parts, string(raw))
	}
	return p.cachedLayer(ctx, cacheKey("node-dependencies", parts...), func(ctx context.Context) (v1.Layer, error) {
		return p.npmInstall(ctx, src)
	})
}

// npmFiles decide what npm installs.
func npmFiles() []string {
	return []string{"package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc"}
}

func (p *Packager) npmInstall(ctx context.Context, src *source) (v1.Layer, error) {
	builder, layers, err := p.builderBase(ctx, baseNodeBuilder, src.emit)
	if err != nil {
		return nil, err
	}
	const at = "/build"
	target := filepath.Join(src.work, "dependencies")
	mounts, err := p.toolMounts(src, "npm", target, at)
	if err != nil {
		return nil, err
	}
	for _, name := range npmFiles() {
		if err := copyFile(filepath.Join(target, name), filepath.Join(src.dir, name)); err != nil {
			return nil, err
		}
	}
	command := "install"
	if src.has("package-lock.json") || src.has("npm-shrinkwrap.json") {
		command = "ci"
	} else {
		src.emit.text("there is no package-lock.json: the newest versions that package.json allows are installed")
	}
	err = p.runTool(ctx, tool{
		name: "npm " + command, layers: layers, dir: at, mounts: mounts,
		args: []string{"npm", command, "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier"},
		env: append(slices.Clone(builder.env), "HOME=/tmp", "npm_config_cache=/cache",
			"npm_config_cafile="+caTarget, "NODE_EXTRA_CA_CERTS="+caTarget),
	}, src.emit)
	if err != nil {
		return nil, err
	}
	modules := filepath.Join(target, "node_modules")
	if err := os.MkdirAll(modules, 0o755); err != nil { // npm makes none when there is nothing for this platform
		return nil, err
	}
	files, err := folderFiles(taskDir+"/node_modules", modules)
	if err != nil {
		return nil, err
	}
	return p.addFiles(ctx, files)
}

// copyFile copies a small file that may not be there.
func copyFile(to, from string) error {
	raw, err := os.ReadFile(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o644)
}
