package main

import (
	"fmt"
	"net/http"
	"testing"
)

// labelled is a program that says in every answer which version it is, by a variable of
// its configuration: changing that is the quickest deploy there is. Told so by another
// variable, it is of no use.
func labelled(t *testing.T) string {
	t.Helper()
	return source(t, map[string]string{
		"go.mod": "module example.com/fn\n\ngo 1.24\n",
		"main.go": `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	switch os.Getenv("FAULT") {
	case "crash":
		fmt.Println("no database")
		os.Exit(7)
	case "deaf":
		time.Sleep(time.Hour)
	}
	http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch os.Getenv("FAULT") {
		case "fall":
			fmt.Println("about to fall")
			os.Exit(3)
		case "err":
			w.WriteHeader(500)
		case "slow":
			time.Sleep(40 * time.Millisecond)
		}
		if r.URL.Path == "/health" && os.Getenv("FAULT") == "ill" {
			w.WriteHeader(503)
		}
		time.Sleep(time.Millisecond)
		io.WriteString(w, os.Getenv("LABEL"))
	}))
}
`})
}

// relabel deploys the program with another label, and makes that known to the load
// before any event can see it.
func (p *platform) relabel(name, label string, l *checkedLoad) {
	p.t.Helper()
	l.allow(label)
	if res, body := p.api("PUT", "/v1/functions/"+name, fmt.Sprintf(`{"env":{"LABEL":%q}}`, label)); res.StatusCode != http.StatusOK {
		p.t.Fatalf("deploy %s: %s %s", label, res.Status, body)
	}
}

// TestDeploysUnderLoad: while a hundred versions go live one after the other, and some
// are rolled back, and the scaling changes, no event fails, and none is answered by a
// version that was not live.
func TestDeploysUnderLoad(t *testing.T) {
	p := boot(t)
	p.deploy(labelled(t), "svc")
	l := startCheckedLoad(p.url+"/fn/svc/", 8)
	l.allow("") // the first has none
	for i := range 100 {
		p.relabel("svc", fmt.Sprint("v", i), l)
		switch {
		case i%10 == 3:
			if status, _, stderr := p.cli("rollback", "svc"); status != 0 {
				t.Fatalf("rollback: exit status %d, %s", status, stderr)
			}
		case i%10 == 5:
			p.scale(t, "svc", "--max", fmt.Sprint(8+i%7), "--concurrency", fmt.Sprint(1+i%3))
		case i%10 == 7:
			l.awaitMore(t, 50)
		case i%20 == 9: // one that never comes up
			if res, body := p.api("PUT", "/v1/functions/svc", fmt.Sprintf(`{"env":{"LABEL":"bad%d","FAULT":"crash"}}`, i)); res.StatusCode != http.StatusBadRequest {
				t.Fatalf("a version that crashes: %s %s", res.Status, body)
			}
		}
	}
	l.awaitMore(t, 100)
	l.stop(t)
}
