package packager

import (
	"go/build"
	"os"
	"path/filepath"
	"strings"

	slipway "github.com/slipway-run/slipway"
)

// goContext is the build as the compiler in the sandbox will see it.
func goContext() *build.Context {
	c := build.Default
	c.GOOS, c.GOARCH, c.CgoEnabled = "linux", host().Architecture, false
	return &c
}

// mainPackage is the package to compile: the one that the handler names, else the one
// at the top, else the only package main that there is.
func mainPackage(dir, handler string) (string, error) {
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return "", slipway.Errorf(slipway.ErrInvalid, "runtime go: there is no go.mod at the top of the source; make one with go mod init")
	}
	if handler != "" {
		return namedPackage(dir, handler)
	}
	if isMain(dir) {
		return ".", nil
	}
	found, err := commands(dir)
	if err != nil {
		return "", wrap("look for package main", err)
	}
	switch len(found) {
	case 0:
		return "", slipway.Errorf(slipway.ErrInvalid, "the module has no package main with a .go file for this platform: a function is a program")
	case 1:
		return found[0], nil
	default:
		return "", slipway.Errorf(slipway.ErrInvalid, "the module has several programs: %s. Say which one with handler: %s (or --handler)", strings.Join(found, ", "), found[0])
	}
}

func namedPackage(dir, handler string) (string, error) {
	if !filepath.IsLocal(handler) {
		return "", slipway.Errorf(slipway.ErrInvalid, "handler %q: for go it is the folder of a package main, as in ./cmd/api", handler)
	}
	if !isMain(filepath.Join(dir, handler)) {
		return "", slipway.Errorf(slipway.ErrInvalid, "handler %q: there is no package main in that folder of the source", handler)
	}
	return "./" + filepath.ToSlash(filepath.Clean(handler)), nil
}
