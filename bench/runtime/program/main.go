// Command program answers every event with the same words, in the protocol that SPEAKS says.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

const answer = "Hello\n"

func main() {
	switch os.Getenv("SPEAKS") {
	case "lambda":
		exit(poll())
	case "stdio":
		_, err := io.WriteString(os.Stdout, answer)
		exit(err)
	default:
		exit(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, answer)
		})))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// poll is a runtime client with nothing in it that could be left out.
func poll() error {
	const base = "/2018-06-01/runtime/invocation/"
	host := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	ask := func(request string) (http.Header, error) {
		if _, err := io.WriteString(conn, request); err != nil {
			return nil, err
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(io.Discard, res.Body)
		return res.Header, err
	}
	body := `{"statusCode":200,"headers":{"Content-Type":"text/plain"},"body":"` + strings.TrimSpace(answer) + `\n"}`
	for {
		header, err := ask("GET " + base + "next HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		if err != nil {
			return err
		}
		id := header.Get("Lambda-Runtime-Aws-Request-Id")
		if _, err := ask(fmt.Sprintf("POST %s%s/response HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", base, id, host, len(body), body)); err != nil {
			return err
		}
	}
}
