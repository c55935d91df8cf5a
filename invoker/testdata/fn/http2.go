package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// serveHTTP2 speaks HTTP/2 in clear text, and nothing else unless $HTTP1 is set.
func serveHTTP2() {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		describe(w, r)
	})
	mux.HandleFunc("/stream", stream)
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Grpc-Status", "12") })
	mux.HandleFunc("/flood", func(w http.ResponseWriter, _ *http.Request) {
		for piece := make([]byte, 64<<10); ; {
			if _, err := w.Write(piece); err != nil {
				ended <- "the client went away"
				return
			}
		}
	})
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("waiting")
		<-r.Context().Done()
		ended <- "the client went away"
	})
	mux.HandleFunc("/ended", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, <-ended) })
	mux.HandleFunc("/sleep", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) })
	mux.HandleFunc("/crash", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		os.Exit(5)
	})
	var protocols http.Protocols
	protocols.SetHTTP1(os.Getenv("HTTP1") != "")
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: mux, Protocols: &protocols}
	fmt.Println(server.ListenAndServe())
	os.Exit(1)
}

// stream gives every piece back as it comes, and the request's trailer in its own.
func stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "X-Sum")
	w.Header().Set("X-Te", r.Header.Get("Te"))
	w.(http.Flusher).Flush()
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		w.Write(buf[:n])
		w.(http.Flusher).Flush()
		if err != nil {
			break
		}
	}
	w.Header().Set("X-Sum", r.Trailer.Get("X-Sum"))
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
}
