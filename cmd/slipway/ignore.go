package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/slipway-run/slipway"
)

// ignoreFiles are looked for in this order in the folder that is deployed; the first one
// that exists decides alone, so that what git leaves out, such as a compiled bootstrap,
// can be deployed nevertheless.
var ignoreFiles = [...]string{".slipwayignore", ".dockerignore", ".gitignore"}

// always is never deployed.
var always = []string{"**/.git", "**/.DS_Store"}

// readIgnore makes the matcher for a folder.
func readIgnore(dir string) (*patternmatcher.PatternMatcher, error) {
	patterns := append([]string(nil), always...)
	for _, name := range ignoreFiles {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, parseIgnore(string(text), name != ".dockerignore")...)
		matcher, err := patternmatcher.New(patterns)
		if err != nil {
			return nil, slipway.Errorf(slipway.ErrInvalid, "%s: %w", filepath.Join(dir, name), err)
		}
		return matcher, nil
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("what is never deployed: %w", err)
	}
	return matcher, nil
}

// parseIgnore reads the lines of an ignore file. git's rules (gitignore(5)), which
// .slipwayignore follows too, match a pattern without a slash at any depth; Docker's
// match it at the top only.
func parseIgnore(text string, anyDepth bool) []string {
	var patterns []string
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, negated := strings.CutPrefix(line, "!")
		pattern = strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(pattern, `\`)), "/")
		if pattern == "" {
			continue
		}
		if anyDepth && !strings.Contains(pattern, "/") {
			pattern = "**/" + pattern
		}
		pattern = strings.TrimPrefix(pattern, "/")
		if negated {
			pattern = "!" + pattern
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}
