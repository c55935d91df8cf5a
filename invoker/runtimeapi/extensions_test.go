package runtimeapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/invoker/runtimeapi"
)

// ask calls any path of the server.
func (a *api) ask(method, path, body string, header ...string) (*http.Response, string) {
	a.t.Helper()
	req, err := http.NewRequest(method, "http://"+a.addr+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return res, string(text)
}

const extensionAPI = "/2020-01-01/extension"

// register gives the identifier of a new extension.
func (a *api) register(name, events string) string {
	a.t.Helper()
	res, body := a.ask("POST", extensionAPI+"/register", `{"events":[`+events+`]}`, "Lambda-Extension-Name", name)
	if res.StatusCode != 200 || res.Header.Get("Lambda-Extension-Identifier") == "" {
		a.t.Fatalf("register %s: %s %s", name, res.Status, body)
	}
	return res.Header.Get("Lambda-Extension-Identifier")
}

// event is one of an extension, as it comes.
type event struct {
	EventType, RequestID, InvokedFunctionArn, ShutdownReason string
	DeadlineMs                                               int64
	Tracing                                                  struct{ Type, Value string }
}

// nextEvent waits for an extension's next event in the background.
func (a *api) nextEvent(id string) <-chan event {
	got := make(chan event, 1)
	go func() {
		req, _ := http.NewRequest("GET", "http://"+a.addr+extensionAPI+"/event/next", nil)
		req.Header.Set("Lambda-Extension-Identifier", id)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			close(got)
			return
		}
		defer res.Body.Close()
		var e event
		if json.NewDecoder(res.Body).Decode(&e) != nil || res.Header.Get("Lambda-Extension-Event-Identifier") == "" {
			close(got)
			return
		}
		got <- e
	}()
	return got
}

// pollLater has the program ask for an event in the background; whether it gets one is
// not looked at.
func (a *api) pollLater() {
	go func() {
		if res, err := http.Get(a.url("/runtime/invocation/next")); err == nil {
			res.Body.Close()
		}
	}()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestInternalExtension(t *testing.T) {
	a := serve(t, 1)
	res, body := a.ask("POST", extensionAPI+"/register", `{"events":["INVOKE"]}`, "Lambda-Extension-Name", "inside", "Lambda-Extension-Accept-Feature", "accountId, more")
	if body != `{"accountId":"000000000000","functionName":"f","functionVersion":"3","handler":"index.handler"}`+"\n" {
		t.Errorf("register: %s %s", res.Status, body)
	}
	id := res.Header.Get("Lambda-Extension-Identifier")
	done := a.invoke(t.Context(), "id-1", "{}")
	polled := make(chan struct{})
	go func() { a.call("GET", "/runtime/invocation/next", ""); close(polled) }()
	<-polled
	if isClosed(a.Ready()) {
		t.Error("ready before the extension waits for its first event")
	}
	e := <-a.nextEvent(id)
	<-a.Ready()
	if e.EventType != "INVOKE" || e.RequestID != "id-1" || e.DeadlineMs != 1234567 || !strings.HasSuffix(e.InvokedFunctionArn, ":f") ||
		e.Tracing.Type != "X-Amzn-Trace-Id" || e.Tracing.Value != "Root=1-0-0;Sampled=0" {
		t.Errorf("event %+v", e)
	}
	a.post("/runtime/invocation/id-1/response", "1", 202)
	<-done
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if a.Settle(ctx) {
		t.Error("settled while the extension is at work")
	}
	a.nextEvent(id)
	if !a.Settle(t.Context()) {
		t.Error("not settled, though the extension waits for the next event")
	}
}

func TestExtensionRefusals(t *testing.T) {
	a := serve(t, 1)
	a.ask("POST", runtimeapi.SupervisorPath+"/extensions", `{"extensions":["outside"]}`)
	inside := a.register("inside", `"INVOKE"`)
	unknown := "01234567-89ab-cdef-0123-456789abcdef"
	for _, tt := range []struct {
		method, path, body string
		header             []string
		want               string
	}{
		{"POST", "/register", `{}`, nil, "Extension.InvalidExtensionName"},
		{"POST", "/register", `no`, []string{"Lambda-Extension-Name", "x"}, "InvalidRequestFormat"},
		{"POST", "/register", `{"configurationKeys":["a"]}`, []string{"Lambda-Extension-Name", "x"}, "InvalidRequestFormat"},
		{"POST", "/register", `{"events":["SHUTDOWN"]}`, []string{"Lambda-Extension-Name", "x"}, "Extension.InvalidEventType"},
		{"POST", "/register", `{"events":["BREAKFAST"]}`, []string{"Lambda-Extension-Name", "outside"}, "Extension.InvalidEventType"},
		{"POST", "/register", `{}`, []string{"Lambda-Extension-Name", "inside"}, "Extension.InvalidExtensionState"},
		{"GET", "/event/next", "", nil, "Extension.MissingExtensionIdentifier"},
		{"GET", "/event/next", "", []string{"Lambda-Extension-Identifier", "me"}, "Extension.InvalidExtensionIdentifier"},
		{"GET", "/event/next", "", []string{"Lambda-Extension-Identifier", unknown}, "Extension.UnknownExtensionIdentifier"},
		{"POST", "/init/error", "", []string{"Lambda-Extension-Identifier", inside}, "Extension.MissingHeader"},
	} {
		res, body := a.ask(tt.method, extensionAPI+tt.path, tt.body, tt.header...)
		if res.StatusCode != 403 {
			t.Errorf("%s %s %v: %s", tt.method, tt.path, tt.header, res.Status)
		}
		wantErrorType(t, body, tt.want)
	}
	for i := range 8 { // with outside and inside ten
		a.register("more-"+strconv.Itoa(i), "")
	}
	_, body := a.ask("POST", extensionAPI+"/register", "{}", "Lambda-Extension-Name", "eleventh")
	wantErrorType(t, body, "Extension.TooManyExtensions")
	a.pollLater()
	for strings.Contains(body, "TooMany") { // until the poll is there
		_, body = a.ask("POST", extensionAPI+"/register", "{}", "Lambda-Extension-Name", "late")
	}
	wantErrorType(t, body, "Extension.RegistrationClosed")
}

func TestExternalExtensions(t *testing.T) {
	setup := func(t *testing.T) (a *api, both, quiet string) {
		a = serve(t, 1)
		if res, body := a.ask("POST", runtimeapi.SupervisorPath+"/extensions", `{"extensions":["both","quiet"]}`); res.StatusCode != 202 {
			t.Fatalf("%s %s", res.Status, body)
		}
		registered := make(chan int, 1)
		go func() {
			res, _ := a.ask("GET", runtimeapi.SupervisorPath+"/registered", "")
			registered <- res.StatusCode
		}()
		both, quiet = a.register("both", `"INVOKE","SHUTDOWN"`), a.register("quiet", "")
		if status := <-registered; status != 202 {
			t.Fatalf("both are registered, and the supervisor is told %d", status)
		}
		return a, both, quiet
	}
	exited := func(a *api, body string) runtimeapi.Ending {
		_, text := a.ask("POST", runtimeapi.SupervisorPath+"/exited", body)
		var out runtimeapi.Ending
		json.Unmarshal([]byte(text), &out)
		return out
	}

	t.Run("the end", func(t *testing.T) {
		a, both, quiet := setup(t)
		a.pollLater()
		last := a.nextEvent(both)
		a.nextEvent(quiet)
		<-a.Ready()
		a.End(runtimeapi.ReasonSpindown)
		if out := exited(a, `{"code":0}`); len(out.Await) != 1 || out.Await[0] != "both" || out.Within <= 0 {
			t.Errorf("%+v", out)
		}
		if e := <-last; e.EventType != "SHUTDOWN" || e.ShutdownReason != "SPINDOWN" || e.DeadlineMs <= time.Now().UnixMilli() {
			t.Errorf("%+v", e)
		}
		<-a.Exited()
	})
	t.Run("the program falls", func(t *testing.T) {
		a, both, _ := setup(t)
		done := a.invoke(t.Context(), "id-1", "{}")
		a.call("GET", "/runtime/invocation/next", "")
		if e := <-a.nextEvent(both); e.EventType != "INVOKE" {
			t.Errorf("%+v", e)
		}
		exited(a, `{"code":3}`)
		if r := <-done; r.err == nil || a.Exit().Code != 3 {
			t.Errorf("%+v %v %v", r.Result, r.err, a.Exit())
		}
		if e := <-a.nextEvent(both); e.ShutdownReason != "FAILURE" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("an extension falls", func(t *testing.T) {
		a, both, quiet := setup(t)
		done := a.invoke(t.Context(), "id-1", "{}")
		a.call("GET", "/runtime/invocation/next", "")
		a.nextEvent(quiet)
		if e := <-a.nextEvent(both); e.EventType != "INVOKE" {
			t.Errorf("%+v", e)
		}
		a.nextEvent(both)
		<-a.Ready()
		exited(a, `{"extension":"quiet","signal":9}`)
		if r := <-done; r.Error == nil || r.Error.Type != "Extension.Crash" || !strings.Contains(r.Error.Message, "RequestId: id-1 Error: extension quiet ended: signal: killed") {
			t.Errorf("%+v %v", r.Error, r.err)
		}
		if a.Settle(t.Context()) {
			t.Error("the instance can be used again")
		}
	})
	t.Run("an extension gives up", func(t *testing.T) {
		a, both, _ := setup(t)
		for range 2 { // once more changes nothing
			if res, body := a.ask("POST", extensionAPI+"/init/error", "", "Lambda-Extension-Identifier", both, "Lambda-Extension-Function-Error-Type", "Extension.NoConfig"); res.StatusCode != 202 {
				t.Errorf("%s %s", res.Status, body)
			}
		}
		<-a.InitFailed()
		if e := a.InitError(); e.Type != "Extension.InitError" || e.Message != "extension both: Extension.NoConfig" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("one cannot be started", func(t *testing.T) {
		a := serve(t, 1)
		a.ask("POST", runtimeapi.SupervisorPath+"/extensions", `{"extensions":["bad"]}`)
		exited(a, `{"extension":"bad","error":"exec format error"}`)
		if res, _ := a.ask("GET", runtimeapi.SupervisorPath+"/registered", ""); res.StatusCode != 403 {
			t.Errorf("%s", res.Status)
		}
		<-a.InitFailed()
		if e := a.InitError(); e.Type != "Extension.LaunchError" || !strings.Contains(e.Message, "exec format error") {
			t.Errorf("%+v", e)
		}
	})
	t.Run("eleven", func(t *testing.T) {
		a := serve(t, 1)
		a.ask("POST", runtimeapi.SupervisorPath+"/extensions", `{"extensions":["1","2","3","4","5","6","7","8","9","10","11"]}`)
		<-a.InitFailed()
		if e := a.InitError(); e.Type != "Extension.TooManyExtensions" {
			t.Errorf("%+v", e)
		}
	})
}

// TestExtensionPollThatBreaks may be repeated.
func TestExtensionPollThatBreaks(t *testing.T) {
	a := serve(t, 1)
	id := a.register("inside", `"INVOKE"`)
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+a.addr+extensionAPI+"/event/next", nil)
	req.Header.Set("Lambda-Extension-Identifier", id)
	broke := make(chan struct{})
	go func() { http.DefaultClient.Do(req); close(broke) }()
	a.pollLater()
	<-a.Ready()
	cancel()
	<-broke
	got := make(chan event)
	go func() {
		for {
			if e, ok := <-a.nextEvent(id); ok { // it is refused until the server has noticed
				got <- e
				return
			}
		}
	}()
	for {
		go a.Invoke(t.Context(), runtimeapi.Event{ID: "id-1", Deadline: time.UnixMilli(1)})
		select {
		case e := <-got:
			if e.RequestID != "id-1" {
				t.Errorf("%+v", e)
			}
			return
		case <-time.After(5 * time.Millisecond): // that one was written to the broken connection
		}
	}
}
