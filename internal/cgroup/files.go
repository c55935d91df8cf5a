package cgroup

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The files of a group are opened, read or written, and closed, some dozens for each
// sandbox. Files of the os package would be announced to the runtime's poller in between,
// for nothing.

// write gives a file of a group a value. The kernel reads it whole from one write.
func write(file, value string) error {
	fd, err := open(file, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for {
		if _, err := unix.Write(fd, []byte(value)); err != unix.EINTR {
			return pathError("write", file, err)
		}
	}
}

// read gives all of a file.
func read(file string) ([]byte, error) {
	fd, err := open(file, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	b := make([]byte, 0, 512)
	for {
		n, err := unix.Read(fd, b[len(b):cap(b)])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			return b, pathError("read", file, err)
		}
		if b = b[:len(b)+n]; len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

func open(file string, flags int) (int, error) {
	for {
		fd, err := unix.Open(file, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, pathError("open", file, err)
		}
	}
}

func pathError(op, file string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: file, Err: err}
}

// readText reads a file that holds one word.
func readText(file string) (string, error) {
	b, err := read(file)
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
	b, err := read(file)
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
	b, err := read(file)
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
