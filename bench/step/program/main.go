// Command program answers every request after a while with the id of its instance.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

// work is how long it takes.
const work = 50 * time.Millisecond

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(work)
		fmt.Fprint(w, os.Getenv("SLIPWAY_INSTANCE"))
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
