// A function that does what its caller asks for, however bad.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

func main() {
	for path, attack := range map[string]func(http.ResponseWriter, *http.Request) error{
		"/": greet, "/bomb": bomb, "/dial": dial, "/disk": disk, "/flood": flood, "/connections": connections, "/hog": hog,
		"/addresses": addresses, "/spin": spin, "/stop": stop,
	} {
		http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := attack(w, r); err != nil {
				fmt.Fprintln(w, err)
			}
		})
	}
	fmt.Println(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}

func greet(w http.ResponseWriter, _ *http.Request) error {
	fmt.Fprintln(w, "Hello")
	return nil
}

// bomb makes processes that make processes, without end.
func bomb(http.ResponseWriter, *http.Request) error {
	for {
		pid, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
		if errno != 0 || pid != 0 {
			continue
		}
		for {
			syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
		}
	}
}

// dial says what each of the addresses that are named answers.
func dial(w http.ResponseWriter, r *http.Request) error {
	for _, to := range r.URL.Query()["to"] {
		c, err := net.DialTimeout("tcp", to, 3*time.Second)
		if err == nil {
			c.Close()
		}
		fmt.Fprintf(w, "%s %v\n", to, err)
	}
	return nil
}

// addresses says which ones it has.
func addresses(w http.ResponseWriter, _ *http.Request) error {
	all, err := net.InterfaceAddrs()
	for _, a := range all {
		if ip := a.(*net.IPNet).IP; !ip.IsLoopback() {
			fmt.Fprintln(w, ip)
		}
	}
	return err
}

// disk writes until there is no room, and keeps what it has written.
func disk(http.ResponseWriter, *http.Request) error {
	f, err := os.Create("/tmp/big")
	if err != nil {
		return err
	}
	b := make([]byte, 1<<20)
	for {
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
}

// flood prints as fast as it can for a while, and says how much that was.
func flood(w http.ResponseWriter, _ *http.Request) error {
	lines := []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", 1000))
	total := 0
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		n, err := os.Stdout.Write(lines)
		if err != nil {
			return err
		}
		total += n
	}
	fmt.Fprintf(w, "printed %d MiB\n", total>>20)
	return nil
}

// connections opens connections to an address and keeps as many as it is given; then it
// goes on to ask for more.
func connections(_ http.ResponseWriter, r *http.Request) error {
	var held []net.Conn
	for {
		c, err := net.DialTimeout("tcp", r.URL.Query().Get("to"), 3*time.Second)
		if err == nil {
			held = append(held, c)
		} else if len(held) == 0 {
			return err
		}
	}
}

func hog(http.ResponseWriter, *http.Request) error {
	var all [][]byte
	for {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		all = append(all, b)
	}
}

func spin(http.ResponseWriter, *http.Request) error {
	for {
	}
}

// stop stops its own process, as far as it is let.
func stop(w http.ResponseWriter, _ *http.Request) error {
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
		return err
	}
	fmt.Fprintln(w, "goes on")
	return nil
}
