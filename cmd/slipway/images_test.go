package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/testenv"
)

// TestImagesByOtherTools deploys images that buildah made and skopeo converted, from
// files in each of the forms there are.
func TestImagesByOtherTools(t *testing.T) {
	testenv.Require(t, "buildah")
	testenv.Require(t, "skopeo")
	p := boot(t)
	tests := []struct{ name, example, body, want, protocol string }{
		{"web", "go-http", "", "Hello", "http"},
		{"lambda", "go-lambda", `{"name":"Ada"}`, "Ada", "lambda"},
	}
	for _, tt := range tests {
		layout := buildImage(t, compile(t, "../../examples/"+tt.example))
		for _, form := range []string{"oci-archive", "docker-archive"} {
			t.Run(tt.name+" as "+form, func(t *testing.T) {
				name := tt.name + "-" + form
				file := filepath.Join(t.TempDir(), "image.tar")
				command(t, "skopeo", "copy", "--insecure-policy", "oci:"+layout, form+":"+file+":latest")
				if status, stdout, stderr := p.cli("deploy", "--name", name, "--image", file); status != 0 {
					t.Fatalf("exit status %d\n%s%s", status, stdout, stderr)
				}
				p.checkProtocol(t, name, tt.protocol)
				res, body := p.event("POST", "/fn/"+name+"/", tt.body)
				checkAnswer(t, res, body, tt.want)
			})
		}
	}
	t.Run("for another machine", func(t *testing.T) {
		layout := buildImage(t, compile(t, "../../examples/go-http"), "--arch", "s390x")
		file := filepath.Join(t.TempDir(), "image.tar")
		command(t, "skopeo", "copy", "--insecure-policy", "--override-arch", "s390x", "oci:"+layout, "oci-archive:"+file)
		status, stdout, stderr := p.cli("deploy", "--name", "web-oci-archive", "--image", file)
		if status != 1 || !strings.Contains(stdout+stderr, "linux/s390x") {
			t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
		}
		if res, body := p.event("GET", "/fn/web-oci-archive/", ""); res.StatusCode != http.StatusOK {
			t.Errorf("the version before answers %s %s", res.Status, body)
		}
	})
	t.Run("no image at all", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "image.tar")
		if err := os.WriteFile(file, tarOf(t, "hello.txt", "hello"), 0o644); err != nil {
			t.Fatal(err)
		}
		status, stdout, stderr := p.cli("deploy", "--name", "none", "--image", file)
		if status != 1 || !strings.Contains(stdout+stderr, "docker save") {
			t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
		}
	})
	t.Run("a registry that is not there", func(t *testing.T) {
		status, stdout, stderr := p.cli("deploy", "--name", "none", "--image", "127.0.0.1:1/no/image:latest")
		if status != 1 || !strings.Contains(stdout+stderr, "127.0.0.1:1") {
			t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
		}
	})
}

// compile makes a static binary of an example with the ordinary go command.
func compile(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "app")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", dir, err, out)
	}
	return program
}

// buildImage lets buildah make an image from scratch with one file; it gives an OCI
// layout.
func buildImage(t *testing.T, program string, from ...string) string {
	t.Helper()
	store := []string{"--root", t.TempDir(), "--runroot", t.TempDir(), "--storage-driver", "vfs"}
	buildah := func(args ...string) string { return command(t, "buildah", append(store, args...)...) }
	container := strings.TrimSpace(buildah(append(append([]string{"from"}, from...), "scratch")...))
	buildah("copy", container, program, "/srv/app")
	buildah("config", "--entrypoint", `["/srv/app"]`, "--env", "MADE_BY=buildah", container)
	layout := filepath.Join(t.TempDir(), "layout")
	buildah("commit", container, "oci:"+layout+":latest")
	return layout
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	var errs strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}
