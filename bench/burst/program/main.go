// Command program uses the processor: for some milliseconds as a function, and as a job
// for as long as its argument says.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "burn" {
		d, err := time.ParseDuration(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		burn(d)
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		ms, _ := strconv.Atoi(r.URL.Query().Get("ms"))
		burn(time.Duration(ms) * time.Millisecond)
		fmt.Fprintln(w, "Hello")
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}

// burn uses so much processor time, however long that takes.
func burn(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for until := used() + d; used() < until; {
		for range 10_000 {
		}
	}
}

// used is the processor time of this thread.
func used() time.Duration {
	const clockThreadCPU = 3 // CLOCK_THREAD_CPUTIME_ID, see clock_gettime(2)
	var t syscall.Timespec
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU, uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano())
}
