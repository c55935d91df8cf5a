package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// checks counts the health checks, and sick makes them fail.
var (
	checks atomic.Int64
	sick   atomic.Bool
)

// serveHealth is an HTTP server that becomes healthy with its $READY_AFTER-th check, and
// can be made sick, deaf and busy.
func serveHealth() {
	readyAfter, _ := strconv.ParseInt(os.Getenv("READY_AFTER"), 10, 64)
	listener, err := net.Listen("tcp", ":"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	server := &http.Server{Handler: mux}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getenv("SLIPWAY_INSTANCE")) })
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		n := checks.Add(1)
		fmt.Printf("check %d\n", n)
		if sick.Load() || n < readyAfter {
			http.Error(w, "sick", http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("/sick", func(http.ResponseWriter, *http.Request) { sick.Store(true) })
	mux.HandleFunc("/deaf", func(http.ResponseWriter, *http.Request) {
		listener.Close()
		server.SetKeepAlivesEnabled(false)
	})
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) {
		before := checks.Load()
		time.Sleep(2500 * time.Millisecond) // longer than two intervals
		fmt.Fprintf(w, "%d checks meanwhile", checks.Load()-before)
	})
	server.Serve(listener)
	time.Sleep(time.Hour) // alive, and deaf
}

// serveOne takes one connection at a time, as simple servers do.
func serveOne() {
	listener, err := net.Listen("tcp", ":"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		for requests := bufio.NewReader(conn); ; {
			r, err := http.ReadRequest(requests)
			if err != nil {
				break
			}
			fmt.Printf("one %s\n", r.URL.Path)
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			if r.Close {
				break
			}
		}
		conn.Close()
	}
}
