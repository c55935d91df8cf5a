// Command fn is the function of this package's tests: its first argument says which
// protocol it speaks, and the event what it does.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	if strings.HasPrefix(os.Args[0], "/opt/extensions/") {
		extend()
	}
	if filepath.Base(os.Args[0]) == "bootstrap" { // that of an image without an entrypoint
		os.Args = append(os.Args, "lambda")
	}
	if os.Args[1] != "stdio" { // whose standard output is its answer
		fmt.Println("fn begins")
	}
	switch os.Args[1] {
	case "http":
		serveHTTP()
	case "polite":
		go sayBye()
		serveHTTP()
	case "h2":
		serveHTTP2()
	case "health":
		serveHealth()
	case "one":
		serveOne()
	case "lambda":
		pollLambda()
	case "stdio":
		runStdio()
	case "exit":
		fmt.Fprintln(os.Stderr, "no database")
		os.Exit(7)
	case "idle":
		fmt.Println("just thinking")
		time.Sleep(time.Hour)
	}
}

// sayBye ends when it is asked to.
func sayBye() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	<-asked
	fmt.Println("bye")
	os.Exit(0)
}

// hog takes memory until there is none.
func hog() {
	var all [][]byte
	for {
		b := make([]byte, 8<<20)
		for i := range b {
			b[i] = 1
		}
		all = append(all, b)
	}
}
