package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
)

// TestStreams: bodies that no hop can hold whole, both ways at once.
func TestStreams(t *testing.T) { eachForm(t, streams) }

func streams(t *testing.T, p *platform) {
	p.deploy(goServer(t, `
		http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("X-Method", r.Method); w.Header().Set("X-Query", r.URL.RawQuery)
		if r.URL.Path == "/tick" {
			for i := range 3 { fmt.Fprintf(w, "tick %d\n", i); w.(http.Flusher).Flush(); <-ticks }
			return
		}
		if r.URL.Path == "/go" { ticks <- true; return }
		io.Copy(w, r.Body)
	`+"}))\n}\nvar ticks = make(chan bool, 3)\nfunc unused() { http.Handle(\"/\", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {"), "echo")
	if res, body := p.api("PUT", "/v1/functions/echo", `{"scaling":{"concurrency":10,"max":1}}`); res.StatusCode >= 300 {
		t.Fatalf("%s: %s", res.Status, body)
	}

	t.Run("64 MiB both ways", func(t *testing.T) {
		const size = 64 << 20
		sent := sha256.New()
		res, err := http.Post(p.url+"/fn/echo/x?y=1", "application/octet-stream", io.TeeReader(noise(size), sent))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		got := sha256.New()
		n, err := io.Copy(got, res.Body)
		if err != nil || n != size || sum(got) != sum(sent) {
			t.Errorf("%d bytes came back, %v; same content: %v", n, err, sum(got) == sum(sent))
		}
		if res.Header.Get("X-Method") != "POST" || res.Header.Get("X-Query") != "y=1" {
			t.Errorf("method %q, query %q", res.Header.Get("X-Method"), res.Header.Get("X-Query"))
		}
	})
	t.Run("parts arrive as they are sent", func(t *testing.T) {
		res, err := http.Get(p.url + "/fn/echo/tick")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		for i := range 3 { // the function sends the next only after we have read this one
			if !lines.Scan() || lines.Text() != fmt.Sprintf("tick %d", i) {
				t.Fatalf("line %d is %q, %v", i, lines.Text(), lines.Err())
			}
			if res, body := p.event("GET", "/fn/echo/go", ""); res.StatusCode != http.StatusOK {
				t.Fatalf("%s %s", res.Status, body)
			}
		}
	})
}

// noise is n bytes that do not compress, the same each time.
func noise(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{1}), n)
}

func sum(h hash.Hash) string { return fmt.Sprintf("%x", h.Sum(nil)) }
