package cgroup

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// write gives a file of a group a value. The kernel reads it whole from one write.
func write(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}

// readText reads a file that holds one word.
func readText(file string) (string, error) {
	b, err := os.ReadFile(file)
	return string(bytes.TrimSpace(b)), err
}

// readInt reads a file that holds one number; "max" is the largest there is.
func readInt(file string) (int64, error) {
	text, err := readText(file)
	if err != nil {
		return 0, err
	}
	return parseInt(file, text)
}

// readKey reads the number behind a key from a file of lines "key number", with or
// without a unit after it.
func readKey(file, key string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == key {
			return parseInt(file, fields[1])
		}
	}
	return 0, fmt.Errorf("%s: has no line %q", file, key)
}

// readInts reads a file of one number per line.
func readInts(file string) ([]int, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []int
	for field := range bytes.FieldsSeq(b) {
		n, err := parseInt(file, string(field))
		if err != nil {
			return nil, err
		}
		out = append(out, int(n))
	}
	return out, nil
}

func parseInt(file, s string) (int64, error) {
	if s == "max" {
		return math.MaxInt64, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a number", file, s)
	}
	return n, nil
}
