package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func pollLambda() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime"
	if os.Getenv("INIT") == "fail" {
		post(base+"/init/error", "", strings.NewReader(`{"errorMessage":"No module named x","errorType":"Runtime.ImportModuleError"}`))
		time.Sleep(time.Hour)
	}
	for {
		res, err := http.Get(base + "/invocation/next")
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		event, _ := io.ReadAll(res.Body)
		res.Body.Close()
		handle(base+"/invocation/"+res.Header.Get("Lambda-Runtime-Aws-Request-Id"), event, res.Header)
	}
}

// handle does what rawPath, or the key "do", says.
func handle(url string, event []byte, h http.Header) {
	var e struct{ Do, RawPath string }
	json.Unmarshal(event, &e)
	switch e.Do + e.RawPath {
	case "/answer":
		post(url+"/response", "", strings.NewReader(`{"statusCode":201,"headers":{"X-Fn":"yes","X-Number":5},"cookies":["a=1","b=2"],"body":"aGVsbG8=","isBase64Encoded":true}`))
	case "/bad":
		post(url+"/response", "", strings.NewReader(`{"statusCode":99}`))
	case "/stream":
		prelude := `{"statusCode":202,"headers":{"Content-Type":"text/event-stream"},"cookies":["a=1"]}` + strings.Repeat("\x00", 8)
		post(url+"/response", "application/vnd.awslambda.http-integration-response", io.MultiReader(strings.NewReader(prelude), strings.NewReader("one "), strings.NewReader("two")))
	case "fail", "/fail":
		post(url+"/error", "", strings.NewReader(`{"errorMessage":"told to","errorType":"ValueError","stackTrace":["here"]}`))
	case "say":
		fmt.Println("a line of", h.Get("Lambda-Runtime-Aws-Request-Id"))
		fmt.Print("and half a one")
		post(url+"/response", "", strings.NewReader(`"said"`))
	case "loud":
		fmt.Println(strings.Repeat("loud ", 10_000) + "end")
		post(url+"/response", "", strings.NewReader(`1`))
	case "stream":
		r, w := io.Pipe()
		go func() {
			for i := range 3 {
				fmt.Println("part", i)
				io.WriteString(w, "x")
			}
			w.Close()
		}()
		post(url+"/response", "text/plain", r)
	case "env":
		dir, _ := os.Getwd()
		env, _ := json.Marshal(append(os.Environ(), "PWD="+dir))
		post(url+"/response", "", bytes.NewReader(env))
	case "identity":
		post(url+"/response", "", strings.NewReader(h.Get("Lambda-Runtime-Cognito-Identity")))
	case "crash":
		fmt.Println("about to fall")
		os.Exit(5)
	case "done":
		os.Exit(0)
	case "hog":
		hog()
	case "sleep", "/sleep":
		time.Sleep(time.Hour)
	case "nap":
		time.Sleep(100 * time.Millisecond)
		post(url+"/response", "", strings.NewReader(`"rested"`))
	case "large":
		post(url+"/response", "", bytes.NewReader(make([]byte, 7<<20)))
	case "context":
		post(url+"/response", "", strings.NewReader(h.Get("Lambda-Runtime-Client-Context")))
	default:
		post(url+"/response", "", bytes.NewReader(event))
	}
}

func post(url, contentType string, body io.Reader) {
	req, err := http.NewRequest("POST", url, body)
	if err != nil {
		panic(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	res.Body.Close()
}
