package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// running counts the requests at once, and gate lets /wait go when /open is called.
var (
	running atomic.Int64
	gate    = make(chan struct{})
	ended   = make(chan string, 16)
)

func serveHTTP() {
	if delay, err := time.ParseDuration(os.Getenv("DELAY")); err == nil {
		time.Sleep(delay)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", describe)
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) { fmt.Fprintln(os.Stderr, "about to fall"); os.Exit(3) })
	mux.HandleFunc("/hog", func(http.ResponseWriter, *http.Request) { hog() })
	mux.HandleFunc("/sleep", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) })
	mux.HandleFunc("/half", half)
	mux.HandleFunc("/ticks", ticks)
	mux.HandleFunc("/wait", wait)
	mux.HandleFunc("/open", func(http.ResponseWriter, *http.Request) { close(gate) })
	mux.HandleFunc("/gone", gone)
	mux.HandleFunc("/ended", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, <-ended) })
	mux.HandleFunc("/upgrade", upgrade)
	mux.HandleFunc("/early", early)
	mux.HandleFunc("/trailer", trailer)
	mux.HandleFunc("/garbage", garbage)
	mux.HandleFunc("/close", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "bye")
	})
	mux.HandleFunc("/flood", flood)
	mux.HandleFunc("/spend", spend)
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: mux}
	server.IdleTimeout, _ = time.ParseDuration(os.Getenv("IDLE")) // 0 is none
	if err := server.ListenAndServe(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// describe says what arrived.
func describe(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Fn", "yes")
	w.Header().Set("Keep-Alive", "timeout=5")
	json.NewEncoder(w).Encode(map[string]any{
		"method": r.Method, "target": r.RequestURI, "host": r.Host, "header": r.Header, "body": string(body), "length": r.ContentLength,
	})
}

func echo(w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).EnableFullDuplex()
	io.Copy(w, r.Body)
}

// half breaks off in the middle of its answer.
func half(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, "half")
	w.(http.Flusher).Flush()
	os.Exit(4)
}

// ticks sends a line for each that it gets.
func ticks(w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).EnableFullDuplex()
	w.Header().Set("Content-Type", "text/event-stream")
	w.(http.Flusher).Flush()
	buf := make([]byte, 64)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			fmt.Fprintf(w, "data: %s\n\n", buf[:n])
			w.(http.Flusher).Flush()
		}
		if err != nil {
			return
		}
	}
}

// wait answers when all that were called stand here and the gate is open.
func wait(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(os.Stdout, "waiting %d\n", running.Add(1))
	<-gate
	running.Add(-1)
}

// gone waits for its client to go away.
func gone(w http.ResponseWriter, r *http.Request) {
	w.(http.Flusher).Flush()
	<-r.Context().Done()
	ended <- "the client went away"
}

func upgrade(w http.ResponseWriter, r *http.Request) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\nhello ", r.Header.Get("Upgrade"))
	io.Copy(conn, buf)
}

// early informs before it answers.
func early(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Link", "</style.css>; rel=preload")
	w.WriteHeader(http.StatusEarlyHints)
	io.WriteString(w, "final")
}

// trailer gives the trailer that came, or 42.
func trailer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "X-Sum")
	io.Copy(io.Discard, r.Body)
	io.WriteString(w, "body")
	w.(http.Flusher).Flush()
	w.Header().Set("X-Sum", cmp.Or(r.Trailer.Get("X-Sum"), "42"))
}

func garbage(w http.ResponseWriter, _ *http.Request) {
	var conn net.Conn
	conn, _, _ = http.NewResponseController(w).Hijack()
	io.WriteString(conn, "this is no HTTP\r\n\r\n")
	conn.Close()
}

// spend uses some processor time and some memory, and gives the memory back.
func spend(w http.ResponseWriter, _ *http.Request) {
	b := make([]byte, 32<<20)
	for i := range 8 * len(b) {
		b[i%len(b)] += byte(i)
	}
	fmt.Fprint(w, b[len(b)/2])
	b = nil
	debug.FreeOSMemory()
}

func flood(w http.ResponseWriter, _ *http.Request) {
	line := make([]byte, 40<<10)
	for i := range line {
		line[i] = 'x'
	}
	for range 100 {
		fmt.Printf("%s\n", line)
	}
}
