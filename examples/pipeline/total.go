package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// total adds up the counts of all children. It reads all of them before it adds, so that
// it needs more memory the more there are: with too little the kernel ends it, and the
// retry rule of its job gives the next attempt more.
func total() error {
	parts, err := filepath.Glob(filepath.Join(deps, "*", "*", "words.txt"))
	if err != nil {
		return err
	}
	var lines []line
	for _, name := range parts {
		more, err := readCounts(name)
		if err != nil {
			return err
		}
		lines = append(lines, more...)
	}
	words, all := map[string]int{}, 0
	for _, l := range lines {
		words[l.word] += l.count
		all += l.count
	}
	fmt.Printf("%d words, %d different ones, of %d parts\n", all, len(words), len(parts))
	return write("total.txt", words)
}

// line is one word and how often it is there.
type line struct {
	word  string
	count int
}

func readCounts(name string) ([]line, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var lines []line
	for in := bufio.NewScanner(file); in.Scan(); {
		number, word, ok := strings.Cut(in.Text(), " ")
		n, err := strconv.Atoi(number)
		if err != nil || !ok {
			return nil, fmt.Errorf("%s: %q is not a count", name, in.Text())
		}
		lines = append(lines, line{strings.Clone(word), n})
	}
	return lines, nil
}

// totals are the counts that the step total has left.
func totals() ([]line, error) {
	names, err := filepath.Glob(filepath.Join(deps, "*", "total.txt"))
	if err != nil || len(names) != 1 {
		return nil, fmt.Errorf("the output of total is expected in %s, there is %q (%v)", deps, names, err)
	}
	return readCounts(names[0])
}

func check(least int) error {
	lines, err := totals()
	if err != nil {
		return err
	}
	all := 0
	for _, l := range lines {
		all += l.count
	}
	if all < least {
		return fmt.Errorf("%d words, at least %d are expected: %w", all, least, exitStatus(3))
	}
	fmt.Printf("%d words are enough\n", all)
	return nil
}

// report leaves the most frequent words as a page.
func report() error {
	lines, err := totals()
	if err != nil {
		return err
	}
	slices.SortFunc(lines, func(a, b line) int {
		if a.count != b.count {
			return b.count - a.count
		}
		return strings.Compare(a.word, b.word)
	})
	var page strings.Builder
	page.WriteString("# The most frequent words\n\n")
	for _, l := range lines[:min(len(lines), 20)] {
		fmt.Fprintf(&page, "%10d  %s\n", l.count, l.word)
	}
	fmt.Print(page.String())
	return os.WriteFile(filepath.Join(output, "report.md"), []byte(page.String()), 0o644)
}
