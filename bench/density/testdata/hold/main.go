// Command hold answers every request with a greeting, after as long as $HOLD says.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	hold, _ := time.ParseDuration(os.Getenv("HOLD")) // none is no time
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(hold)
		fmt.Fprintln(w, "Hello")
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
