package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// extend is an external extension: its file name says what it does.
func extend() {
	name := filepath.Base(os.Args[0])
	if name == "mute" {
		os.Exit(4)
	}
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension"
	id := ask("POST", base+"/register", `{"events":["INVOKE","SHUTDOWN"]}`, "Lambda-Extension-Name", name).Header.Get("Lambda-Extension-Identifier")
	fmt.Printf("%s registered, handler %q\n", name, os.Getenv("_HANDLER"))
	for {
		res := ask("GET", base+"/event/next", "", "Lambda-Extension-Identifier", id)
		var e struct{ EventType, RequestID, ShutdownReason string }
		json.NewDecoder(res.Body).Decode(&e)
		res.Body.Close()
		fmt.Println(name, "got", e.EventType, e.RequestID, e.ShutdownReason)
		switch {
		case e.EventType == "SHUTDOWN":
			os.Exit(0)
		case name == "weak":
			os.Exit(4)
		}
	}
}

func ask(method, url, body, field, value string) *http.Response {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set(field, value)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	return res
}
