package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// count counts the words of every n-th file, and leaves one line for each word: how
// often, and the word.
func count() error {
	index, size, err := part()
	if err != nil {
		return err
	}
	names, err := files(input)
	if err != nil {
		return err
	}
	words := map[string]int{}
	read := 0
	for i := index; i < len(names); i += size {
		if err := countFile(names[i], words); err != nil {
			return err
		}
		read++
	}
	fmt.Printf("%d of %d files, %d different words\n", read, len(names), len(words))
	return write("words.txt", words)
}

// part is which child of how many this is.
func part() (index, size int, err error) {
	if os.Getenv("SLIPWAY_JOB_ARRAY_INDEX") == "" {
		return 0, 1, nil // no array: all of it
	}
	if index, err = strconv.Atoi(os.Getenv("SLIPWAY_JOB_ARRAY_INDEX")); err != nil {
		return 0, 0, err
	}
	size, err = strconv.Atoi(os.Getenv("SLIPWAY_JOB_ARRAY_SIZE"))
	return index, size, err
}

// files are the regular files below a folder, in an order that is the same for everyone.
func files(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

func countFile(name string, words map[string]int) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	for word := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		words[strings.ToLower(word)]++
	}
	return nil
}

func write(name string, words map[string]int) error {
	file, err := os.Create(filepath.Join(output, name))
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	for _, word := range slices.Sorted(maps.Keys(words)) {
		fmt.Fprintf(w, "%d %s\n", words[word], word)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}
