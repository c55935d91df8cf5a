package packager

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	slipway "github.com/slipway-run/slipway"
)

// marker is a file by which a runtime is found: at the top of the source.
type marker struct {
	pattern string // as in filepath.Match
	exec    bool   // it must be executable
	runtime slipway.Runtime
}

// markers are looked for in this order, and the first that is there decides: what a
// folder is built with comes before scripts that may lie beside it.
func markers() []marker {
	return []marker{
		{"go.mod", false, slipway.RuntimeGo},
		{"bootstrap", true, slipway.RuntimeBootstrap},
		{"package.json", false, slipway.RuntimeNode},
		{"*.py", false, slipway.RuntimePython},
		{"*.mjs", false, slipway.RuntimeNode},
		{"*.js", false, slipway.RuntimeNode},
		{"*.cjs", false, slipway.RuntimeNode},
	}
}

// findRuntime is the runtime that was asked for, or the one that the files speak for.
func findRuntime(dir string, asked slipway.Runtime) (slipway.Runtime, error) {
	const elsewhere = "a Dockerfile cannot be built here: build the image elsewhere (docker build -o type=oci,dest=image.tar .) and deploy it with slipway deploy --image"
	switch asked {
	case slipway.RuntimeDockerfile:
		return "", slipway.Errorf(slipway.ErrInvalid, "runtime dockerfile: %s", elsewhere)
	case slipway.RuntimeImage:
		return "", slipway.Errorf(slipway.ErrInvalid, "runtime image: this is source; deploy an image with slipway deploy --image")
	case slipway.RuntimeAuto, "":
	default:
		return asked, nil
	}
	files, err := topFiles(dir)
	if err != nil {
		return "", err
	}
	found := matching(files)
	switch docker := slices.ContainsFunc(files, func(f topFile) bool { return f.name == "Dockerfile" }); {
	case docker && found != "":
		return "", slipway.Errorf(slipway.ErrInvalid, "the source has a Dockerfile and could also be built as %s. Say which: with --runtime %s (or runtime: in %s) the Dockerfile is not used; %s", found, found, configFile, elsewhere)
	case docker:
		return "", slipway.Errorf(slipway.ErrInvalid, "the source has a Dockerfile: %s", elsewhere)
	case found == "":
		return "", errNoRuntime(files)
	}
	return found, nil
}

type topFile struct {
	name string
	exec bool
	dir  bool
}

func topFiles(dir string) ([]topFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []topFile
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // a link to nothing
		}
		files = append(files, topFile{e.Name(), info.Mode()&0o100 != 0, info.IsDir()})
	}
	return files, nil
}

func matching(files []topFile) slipway.Runtime {
	for _, m := range markers() {
		for _, f := range files {
			if ok, _ := filepath.Match(m.pattern, f.name); ok && !f.dir && (f.exec || !m.exec) {
				return m.runtime
			}
		}
	}
	return ""
}

func errNoRuntime(files []topFile) error {
	const most = 20
	var names []string
	for _, f := range files {
		switch {
		case f.dir:
			names = append(names, f.name+"/")
		case f.name == "bootstrap":
			names = append(names, "bootstrap (not executable: chmod +x bootstrap)")
		default:
			names = append(names, f.name)
		}
	}
	found := "nothing"
	if len(names) > 0 {
		found = strings.Join(names[:min(len(names), most)], ", ")
	}
	if len(names) > most {
		found += ", …"
	}
	return slipway.Errorf(slipway.ErrInvalid, "no known runtime: looked for go.mod (go), an executable bootstrap, package.json or *.js, *.mjs (node), *.py (python) at the top of the source; found %s. Deploy the folder that has the code, or say --runtime", found)
}
