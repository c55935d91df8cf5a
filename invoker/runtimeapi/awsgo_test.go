package runtimeapi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const awsProgram = `package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func handle(ctx context.Context, event struct{ Do string }) (any, error) {
	switch event.Do {
	case "fail":
		return nil, errors.New("told to")
	case "panic":
		panic("aaah")
	case "stream":
		return &events.LambdaFunctionURLStreamingResponse{StatusCode: 201, Body: io.MultiReader(strings.NewReader("a"), strings.NewReader("b"))}, nil
	}
	lc, _ := lambdacontext.FromContext(ctx)
	_, timed := ctx.Deadline()
	return map[string]any{"id": lc.AwsRequestID, "timed": timed}, nil
}

func main() { lambda.Start(handle) }
`

// buildAWS compiles a program with AWS's own library for Go.
func buildAWS(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"go.mod":  "module example.com/fn\n\ngo 1.24\n\nrequire github.com/aws/aws-lambda-go v1.55.1\n",
		"main.go": awsProgram,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-mod=mod", "-o", "fn", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return filepath.Join(dir, "fn")
}

// TestAWSLambdaGo lets AWS's own runtime client for Go talk to the server.
func TestAWSLambdaGo(t *testing.T) {
	a := serve(t, 1)
	cmd := exec.CommandContext(t.Context(), buildAWS(t))
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + a.addr, "_HANDLER=fn"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	<-a.Ready()

	if r := <-a.invoke(t.Context(), "id-1", `{}`); r.err != nil || !strings.Contains(string(r.Payload), "id-1") {
		t.Errorf("answer: %+v, %v", r.Result, r.err)
	}
	if r := <-a.invoke(t.Context(), "id-2", `{"Do":"fail"}`); r.err != nil || r.Error == nil || r.Error.Message != "told to" || r.Error.Type != "errorString" {
		t.Errorf("error: %+v, %v", r.Result, r.err)
	}
	r := <-a.invoke(t.Context(), "id-3", `{"Do":"stream"}`)
	if r.err != nil || r.Stream == nil {
		t.Fatalf("stream: %+v, %v", r.Result, r.err)
	}
	var text strings.Builder
	buf := make([]byte, 512)
	for {
		n, err := r.Stream.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			break
		}
	}
	if got := text.String(); !strings.Contains(got, `"statusCode":201`) || !strings.HasSuffix(got, "\x00\x00\x00\x00\x00\x00\x00\x00ab") {
		t.Errorf("stream: %q", got)
	}
	if r := <-a.invoke(t.Context(), "id-4", `{"Do":"panic"}`); r.Error == nil || r.Error.Message != "aaah" || len(r.Error.StackTrace) == 0 {
		t.Errorf("panic: %+v", r.Error)
	}
}
