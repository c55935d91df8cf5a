package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"
)

// runStdio does what its input says.
func runStdio() {
	in, _ := io.ReadAll(os.Stdin)
	switch string(bytes.TrimSpace(in)) {
	case "fail":
		fmt.Fprintln(os.Stderr, "something is wrong")
		os.Exit(9)
	case "sleep":
		time.Sleep(time.Hour)
	case "long":
		os.Stdout.Write(bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16))
	default:
		os.Stdout.Write(bytes.ToUpper(in))
	}
}
