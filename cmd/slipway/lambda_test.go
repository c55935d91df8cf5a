package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/testenv"
)

// TestLambdaClients has the real runtime clients of AWS Lambda, unchanged, and one made of
// shell and curl, do everything that can become of an event.
func TestLambdaClients(t *testing.T) {
	p := boot(t)
	clients := []struct {
		name   string
		deploy func(t *testing.T, function, handler string)
		breaks bool // it can say that its stream broke
	}{
		{"aws-lambda-go", p.deployLambdaGo, true},
		{"aws-lambda-ric", p.deployRIC, true},
		{"shell", func(t *testing.T, function, _ string) {
			p.deploy("testdata/lambda/shell", function)
		}, false},
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			p := p.in(t)
			buffered, streaming := c.name, c.name+"-stream"
			p.configure(t, buffered, `{"timeout":"2s"}`)
			p.configure(t, streaming, `{"handler":"index.stream"}`)
			c.deploy(t, buffered, "index.handler")
			c.deploy(t, streaming, "index.stream")
			p.checkLambda(t, buffered)
			p.checkLambdaStream(t, streaming, c.breaks)
		})
	}
}

// checkLambda has a function answer, fail, and take too long.
func (p *platform) checkLambda(t *testing.T, name string) {
	p.checkProtocol(t, name, "lambda")
	res, body := p.invokeAWS(name, `{"do":"echo"}`)
	var answer struct {
		ID, Name string
		Left     bool
	}
	json.Unmarshal([]byte(body), &answer)
	if res.StatusCode != 200 || answer.ID != res.Header.Get("X-Amzn-Requestid") || !answer.Left || answer.Name != name {
		t.Errorf("answer: %s %s", res.Status, body)
	}
	log, _ := base64.StdEncoding.DecodeString(res.Header.Get("X-Amz-Log-Result"))
	for _, part := range []string{"START RequestId: " + answer.ID + " Version: ", "doing echo\n", "\nREPORT RequestId: " + answer.ID} {
		if !strings.Contains(string(log), part) {
			t.Errorf("the log %q lacks %q", log, part)
		}
	}
	res, body = p.invokeAWS(name, `{"do":"fail"}`)
	if res.Header.Get("X-Amz-Function-Error") != "Unhandled" || !strings.Contains(body, "RangeError") || !strings.Contains(body, "told to") {
		t.Errorf("error: %v %s", res.Header, body)
	}
	res, body = p.event("GET", "/fn/"+name+"/hello", "")
	if res.StatusCode != 201 || res.Header.Get("X-Fn") != "yes" || len(res.Header["Set-Cookie"]) != 2 || !strings.Contains(body, `"id"`) {
		t.Errorf("HTTP event: %s %v %s", res.Status, res.Header, body)
	}
	res, body = p.invokeAWS(name, `{"do":"sleep"}`)
	if res.Header.Get("X-Amz-Function-Error") != "Unhandled" || !strings.Contains(body, "Sandbox.Timedout") || !strings.Contains(body, "Task timed out after 2.00 seconds") {
		t.Errorf("timeout: %v %s", res.Header, body)
	}
	if res, body = p.invokeAWS(name, `{"do":"echo"}`); res.Header.Get("X-Amz-Function-Error") != "" {
		t.Errorf("after the timeout: %s", body)
	}
}

// checkLambdaStream reads a streamed answer, and one that breaks off.
func (p *platform) checkLambdaStream(t *testing.T, name string, breaks bool) {
	res, body := p.event("GET", "/fn/"+name+"/stream", "")
	if res.StatusCode != 202 || res.Header.Get("Content-Type") != "text/plain" || body != "one two three" {
		t.Errorf("stream: %s %v %q", res.Status, res.Header, body)
	}
	if !breaks {
		return
	}
	broken, err := http.Get(p.url + "/fn/" + name + "/break")
	if err != nil {
		t.Fatal(err)
	}
	defer broken.Body.Close()
	if got, err := io.ReadAll(broken.Body); err == nil || !strings.HasPrefix("one two three", string(got)) {
		t.Errorf("a stream that breaks off: %q, and no error", got)
	}
}

// invokeAWS calls a function as AWS's clients do.
func (p *platform) invokeAWS(name, event string) (*http.Response, string) {
	req, err := http.NewRequestWithContext(p.t.Context(), "POST", p.url+"/2015-03-31/functions/"+name+"/invocations", strings.NewReader(event))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=any, Signature=none")
	req.Header.Set("X-Amz-Security-Token", p.key)
	req.Header.Set("X-Amz-Log-Type", "Tail")
	return p.do(req)
}

func (p *platform) deployLambdaGo(t *testing.T, function, handler string) {
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "main.go"} {
		text, err := os.ReadFile("testdata/lambda/go/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-mod=mod", "-o", "bootstrap", ".")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	p.deployImage(t, function, filepath.Join(dir, "bootstrap")+":/var/task/", `["/var/task/bootstrap"]`, handler, "/")
}

const ricVersion = "4.0.2"

// deployRIC puts an image with AWS's runtime client for Node together. What it is made of
// is built once on a machine.
func (p *platform) deployRIC(t *testing.T, function, handler string) {
	testenv.Require(t, "mmdebstrap")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "slipway-test", fmt.Sprintf("ric-%s-%s", ricVersion, runtime.GOARCH))
	if _, err := os.Stat(dir); err != nil {
		part := fmt.Sprintf("%s.%d", dir, os.Getpid())
		if err := os.MkdirAll(part, 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(part) // when it fails half way
		command(t, "testdata/lambda/ric/build.sh", part, ricVersion)
		if err := os.Rename(part, dir); err != nil {
			t.Fatal(err)
		}
	}
	code, err := filepath.Abs("testdata/lambda/ric/index.mjs")
	if err != nil {
		t.Fatal(err)
	}
	p.deployImage(t, function, filepath.Join(dir, "base.tar")+":/ "+filepath.Join(dir, "function.tar")+":/ "+code+":/function/",
		`["/usr/bin/node","/function/node_modules/.bin/aws-lambda-ric"]`, handler, "/function")
}

// deployImage has buildah make an image of files, FROM:TO with spaces between, and deploys
// it. Archives are unpacked. The command is the handler, as AWS's images have it.
func (p *platform) deployImage(t *testing.T, function, files, entrypoint, handler, dir string) {
	t.Helper()
	testenv.Require(t, "buildah")
	store := []string{"--root", t.TempDir(), "--runroot", t.TempDir(), "--storage-driver", "vfs"}
	buildah := func(args ...string) string { return command(t, "buildah", append(store, args...)...) }
	container := strings.TrimSpace(buildah("from", "scratch"))
	for _, f := range strings.Fields(files) {
		from, to, _ := strings.Cut(f, ":")
		buildah("add", container, from, to)
	}
	buildah("config", "--entrypoint", entrypoint, "--cmd", handler, "--workingdir", dir, container)
	file := filepath.Join(t.TempDir(), "image.tar")
	buildah("commit", container, "oci-archive:"+file)
	if status, stdout, stderr := p.cli("deploy", "--name", function, "--image", file); status != 0 {
		t.Fatalf("deploy: exit status %d\n%s%s", status, stdout, stderr)
	}
}
