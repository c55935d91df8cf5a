package packager

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	slipway "github.com/slipway-run/slipway"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// ignoreFiles are the files that say what is not part of a function; the first that
// is there counts. Only the one at the top of the source is read.
func ignoreFiles() []string { return []string{".slipwayignore", ".dockerignore", ".gitignore"} }

// removeIgnored deletes from an unpacked source what its ignore file names, and .git.
func removeIgnored(dir string) error {
	patterns, err := ignorePatterns(dir)
	if err != nil {
		return err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return slipway.Errorf(slipway.ErrInvalid, "ignore file: %w", err)
	}
	return removeMatches(dir, ".", matcher, patternmatcher.MatchInfo{})
}

// removeMatches walks one folder. An ignored folder goes as a whole, unless a later
// pattern could take something below it back (a line with !).
func removeMatches(root, folder string, matcher *patternmatcher.PatternMatcher, above patternmatcher.MatchInfo) error {
	entries, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		ignored, info, err := matcher.MatchesUsingParentResults(name, above)
		if err != nil {
			return slipway.Errorf(slipway.ErrInvalid, "ignore file: %w", err)
		}
		if ignored && (!e.IsDir() || !matcher.Exclusions()) {
			if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
				return err
			}
			continue
		}
		if e.IsDir() {
			if err := removeMatches(root, name, matcher, info); err != nil {
				return err
			}
			if ignored {
				_ = os.Remove(filepath.Join(root, name)) // stays when something in it does
			}
		}
	}
	return nil
}

func ignorePatterns(dir string) ([]string, error) {
	for _, name := range ignoreFiles() {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lines, err := ignoreLines(name, raw)
		if err != nil {
			return nil, slipway.Errorf(slipway.ErrInvalid, "%s: %w", name, err)
		}
		return append(lines, ".git"), nil
	}
	return []string{".git"}, nil
}

// ignoreLines are the patterns of an ignore file: one has Docker's syntax, the others
// have git's.
func ignoreLines(name string, raw []byte) ([]string, error) {
	if name == ".dockerignore" {
		return ignorefile.ReadAll(bytes.NewReader(raw))
	}
	var patterns []string
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, " \t\r\n")
		if line != "" && line[0] != '#' {
			patterns = append(patterns, anywhere(line))
		}
	}
	return patterns, nil
}

// anywhere turns a line of gitignore(5) into a pattern of dockerignore, which matches
// from the top only: without a slash before its end, a name matches in every folder.
func anywhere(line string) string {
	negated := strings.HasPrefix(line, "!")
	name := strings.TrimSuffix(strings.TrimPrefix(line, "!"), "/")
	if !strings.Contains(name, "/") {
		name = "**/" + name
	}
	name = strings.TrimPrefix(name, "/")
	if negated {
		return "!" + name
	}
	return name
}
