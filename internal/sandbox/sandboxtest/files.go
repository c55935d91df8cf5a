package sandboxtest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
)

// testFiles tries to reach files of the host by what an image may hold.
func testFiles(t *testing.T, b *Bench) {
	t.Run("folders of the system that are links", func(t *testing.T) {
		victim := t.TempDir()
		layer := Layer(t, map[string]string{"etc/passwd": "root:x:0:0::/root:/bin/sh\n"})
		for _, name := range []string{"dev", "proc", "sys", "tmp", "etc/hosts", "etc/hostname", "etc/resolv.conf"} {
			if err := os.Symlink(victim, filepath.Join(layer, name)); err != nil {
				t.Fatal(err)
			}
		}
		spec := b.Spec("cat", "/etc/hostname", "/proc/self/comm")
		spec.Hostname, spec.Layers = "its-own", append(spec.Layers, layer)
		wantLines(t, b.OutputOf(t, spec), "its-own", "payload")
		if found, err := os.ReadDir(victim); err != nil || len(found) > 0 {
			t.Errorf("the host's folder that the links name holds %v, %v", found, err)
		}
	})
	t.Run("links to the host", func(t *testing.T) {
		secret := filepath.Join(t.TempDir(), "secret")
		layer := Layer(t, nil)
		if err := errors.Join(
			os.WriteFile(secret, []byte("of the host"), 0o644),
			os.Symlink(secret, filepath.Join(layer, "absolute")),
			os.Symlink("../../../../../../.."+secret, filepath.Join(layer, "relative")),
			os.Symlink("/proc/1/root"+secret, filepath.Join(layer, "magic")),
			os.Symlink("/proc/self/cwd/../../.."+secret, filepath.Join(layer, "folder"))); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"/absolute", "/relative", "/magic", "/folder"} {
			spec := b.Spec("cat", name)
			spec.Layers = append(spec.Layers, layer)
			if out, exit := b.Run(t, spec); exit.Success() || !strings.Contains(out, "no such file") {
				t.Errorf("%s: %s %s", name, exit, out)
			}
		}
	})
	t.Run("links as folder and target", func(t *testing.T) {
		victim, given := t.TempDir(), t.TempDir()
		layer := Layer(t, nil)
		if err := os.Symlink(victim, filepath.Join(layer, "way")); err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(*slipway.SandboxSpec){
			"working directory": func(s *slipway.SandboxSpec) { s.Dir = "/way/made" },
			"mount": func(s *slipway.SandboxSpec) {
				s.Mounts = []slipway.Mount{{Source: given, Target: "/way/mounted", ReadOnly: true}}
			},
		} {
			spec := b.Spec("id")
			spec.Layers = append(spec.Layers, layer)
			change(&spec)
			s, err := b.Launcher.Create(t.Context(), spec) // it may refuse, or make the folder in its own root
			if err == nil {
				err = s.Close()
			}
			if found, readErr := os.ReadDir(victim); readErr != nil || len(found) > 0 {
				t.Errorf("%s: the host's folder holds %v, %v (%v)", name, found, readErr, err)
			}
		}
	})
	t.Run("deep trees and long names", func(t *testing.T) {
		spec := b.Spec("deep", "/tmp", "1000")
		p := b.Start(t, spec)
		p.Expect(t, "deep")
		must(t, p.Close()) // with the working directory, an open file and a mapping in it
		must(t, b.Create(t, spec).Close())
	})
}
