package packager

import (
	"path"
	"path/filepath"

	slipway "github.com/slipway-run/slipway"
)

// What jobs run is the program itself: its arguments follow in the command line, and its
// exit status is the job's. Programs of Go and bootstraps are that anyway.

// findPythonProgram decides which file is run: the one that was named, or the first of
// these that is there, or the only one.
func findPythonProgram(src *source) error {
	if src.handler != "" {
		return checkProgram(src, "python", ".py")
	}
	for _, file := range []string{"main.py", "__main__.py"} {
		if src.has(file) {
			src.find(file)
			return nil
		}
	}
	modules, err := filepath.Glob(filepath.Join(src.dir, "*.py"))
	if err != nil {
		return err
	}
	if len(modules) == 1 {
		src.find(filepath.Base(modules[0]))
		return nil
	}
	return slipway.Errorf(slipway.ErrInvalid, "python: there is no main.py or __main__.py at the top of the source, and not just one *.py; say which file to run with handler: file.py (or --handler)")
}

// npmStart is the handler that runs the script start of package.json.
const npmStart = "npm start"

// findNodeProgram decides what is run: what was named, or the script start of
// package.json, its main, index or main, or the only file there is.
func findNodeProgram(src *source, manifest nodePackage) error {
	if src.handler != "" && src.handler != npmStart {
		return checkProgram(src, "node", ".js", ".mjs", ".cjs")
	}
	if src.handler == npmStart || manifest.Scripts["start"] != "" {
		src.find(npmStart)
		return nil
	}
	candidates := []string{path.Clean("/" + manifest.Main)[1:]}
	var all []string
	for _, ending := range []string{".mjs", ".js", ".cjs"} {
		candidates = append(candidates, "index"+ending, "main"+ending)
		more, err := filepath.Glob(filepath.Join(src.dir, "*"+ending))
		if err != nil {
			return err
		}
		all = append(all, more...)
	}
	for _, file := range candidates {
		if file != "" && src.has(file) {
			src.find(file)
			return nil
		}
	}
	if len(all) == 1 {
		src.find(filepath.Base(all[0]))
		return nil
	}
	return slipway.Errorf(slipway.ErrInvalid, "node: package.json has no script start and no main that is there, and there is no index.js or main.js at the top of the source; say which file to run with handler: file.js (or --handler)")
}

// nodeProgram is the command line in front of the arguments. The script start goes through
// the bootstrap, which runs it without npm.
func nodeProgram(handler string) []string {
	if handler == npmStart {
		return []string{"node", "/" + runtimeDir + "/bootstrap.cjs", npmStart}
	}
	return []string{"node", "/" + taskDir + "/" + handler}
}

// checkProgram refuses a handler that is no file of the source to run.
func checkProgram(src *source, runtime string, endings ...string) error {
	file := path.Clean("/" + src.handler)[1:]
	for _, ending := range endings {
		if path.Ext(file) == ending && src.has(file) {
			src.handler = file
			return nil
		}
	}
	return slipway.Errorf(slipway.ErrInvalid, "handler: %q is not allowed; what a job of the runtime %s runs is a file of the source that ends with %s", src.handler, runtime, endings[0])
}
