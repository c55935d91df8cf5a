package userns

import (
	"fmt"
	"os"
)

// gate is the number of the socket by which a process that Run started asks for its ids,
// and waits for them.
const gate = 3

// Init must stand at the beginning of main. In a process that [Run] started it returns
// when its ids are mapped; in any other it returns at once. That there are no ids before
// it asks is how it knows which it is.
func Init() {
	if ids, err := os.ReadFile("/proc/self/uid_map"); err != nil || len(ids) > 0 {
		return
	}
	f := os.NewFile(gate, "gate")
	_, err := f.Write([]byte{1})
	if err == nil {
		_, err = f.Read(make([]byte, 1))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "slipway: this user namespace was given no ids: %v\n", err)
		os.Exit(1)
	}
	_ = f.Close() // all was said
}
