package packager

import (
	"context"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// caTarget is where programs of every distribution and language look for the
// certificates of authorities, in an image and in a sandbox.
const caTarget = "/etc/ssl/certs/ca-certificates.crt"

// caBundle is this machine's own file of them, in which an operator's private
// authority is too; "" when there is none.
func caBundle() string {
	places := []string{
		caTarget,                           // Debian, Ubuntu, Arch, Alpine
		"/etc/pki/tls/certs/ca-bundle.crt", // Fedora, RHEL
		"/etc/ssl/ca-bundle.pem",           // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
	}
	for _, place := range places {
		if info, err := os.Stat(place); err == nil && info.Mode().IsRegular() {
			return place
		}
	}
	return ""
}

// scaffold is the layer with what a static program expects of a system besides
// itself: names of users, a temporary folder, certificates of authorities.
func (p *Packager) scaffold(ctx context.Context) (v1.Layer, error) {
	files := []layerFile{
		text("etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"),
		text("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
		text("etc/nsswitch.conf", "hosts: files dns\n"),
		{name: "tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{name: "root", mode: fs.ModeDir | 0o700},
	}
	if bundle := caBundle(); bundle != "" {
		ca, err := hostFile(caTarget[1:], bundle, 0o644)
		if err != nil {
			return nil, err
		}
		files = append(files, ca)
	}
	return p.addFiles(ctx, files)
}

// codeLayer is the source as /var/task.
func (p *Packager) codeLayer(ctx context.Context, src *source) (v1.Layer, error) {
	src.emit.step("layer")
	files, err := folderFiles(taskDir, src.dir)
	if err != nil {
		return nil, wrap("read the source", err)
	}
	return p.addFiles(ctx, files)
}
