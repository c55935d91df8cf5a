// Command job is what the attempts of the tests run.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	what, args := os.Args[1], os.Args[2:]
	switch what {
	case "exit":
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	case "env":
		for _, pair := range os.Environ() {
			fmt.Println(pair)
		}
		dir, _ := os.Getwd()
		in, _ := io.ReadAll(os.Stdin)
		fmt.Printf("dir=%s stdin=%d args=%q\n", dir, len(in), args)
	case "hog":
		var held [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = byte(i)
			}
			held = append(held, b)
			_ = held
		}
	case "bomb":
		n := 0
		for {
			if _, err := syscall.ForkExec("/bin/job", []string{"/bin/job", "sleep"}, nil); err != nil {
				break
			}
			n++
		}
		fmt.Printf("%d children\n", n)
	case "sleep":
		fmt.Println("sleeping")
		time.Sleep(time.Hour)
	case "ignore":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("deaf")
		time.Sleep(time.Hour)
	case "obey":
		terms := make(chan os.Signal, 1)
		signal.Notify(terms, syscall.SIGTERM)
		fmt.Println("listening")
		<-terms
		fmt.Println("told to end")
		os.Exit(0)
	case "tick":
		for i := 0; ; i++ {
			fmt.Println("tick", i)
			time.Sleep(5 * time.Millisecond)
		}
	case "flood":
		line := strings.Repeat("x", 100) + "\n"
		block := strings.Repeat(line, 100)
		for range 3000 {
			io.WriteString(os.Stdout, block)
		}
	case "fill":
		check(fill("/tmp/fill"))
	case "write":
		for i := 0; i+1 < len(args); i += 2 {
			check(os.MkdirAll(filepath.Dir(args[i]), 0o755))
			check(os.WriteFile(args[i], []byte(args[i+1]), 0o644))
		}
	case "bulk":
		check(os.WriteFile(args[0], make([]byte, 2<<20), 0o644))
	case "read":
		for _, name := range args {
			text, err := os.ReadFile(name)
			check(err)
			fmt.Printf("%s: %s\n", name, text)
		}
	case "readonly":
		fmt.Println(os.WriteFile(args[0], nil, 0o644))
	case "wild":
		wild("/job/output")
	case "sparse":
		f, err := os.Create("/job/output/huge")
		check(err)
		check(f.Truncate(1 << 40))
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(9)
	}
}

func fill(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for n := 0; ; n++ {
		if _, err := f.Write(block); err != nil {
			return fmt.Errorf("after %d MiB: %w", n, err)
		}
	}
}

// wild leaves everything that an output should not have, and one file.
func wild(dir string) {
	check(os.WriteFile(dir+"/file", []byte("content"), 0o600))
	check(os.Link(dir+"/file", dir+"/same"))
	check(os.Symlink("file", dir+"/link"))
	check(os.Symlink("/etc/passwd", dir+"/absolute"))
	check(os.Symlink("../../etc/passwd", dir+"/out"))
	check(os.Symlink("circle", dir+"/circle"))
	check(os.Mkdir(dir+"/sub", 0o755))
	check(os.Symlink("..", dir+"/sub/up"))
	check(os.Symlink("sub/up/..", dir+"/around"))
	check(syscall.Mkfifo(dir+"/pipe", 0o644))
	l, err := net.Listen("unix", dir+"/socket")
	check(err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
}
