package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
)

// writeImage writes an archive as "docker save" does, of an image that holds a program
// and nothing else (the image specification v1.2 of moby).
func writeImage(to io.Writer, name string, program []byte) error {
	var layer bytes.Buffer
	if err := writeTar(&layer, []entry{{name, program}}); err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux",
		"config": map[string]any{"Entrypoint": []string{"/" + name}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer.Bytes()))}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{name + ":latest"}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	return writeTar(to, []entry{{"manifest.json", manifest}, {"config.json", config}, {"layer.tar", layer.Bytes()}})
}

type entry struct {
	name    string
	content []byte
}

func writeTar(to io.Writer, entries []entry) error {
	w := tar.NewWriter(to)
	for _, e := range entries {
		if err := w.WriteHeader(&tar.Header{Name: e.name, Mode: 0o755, Size: int64(len(e.content))}); err != nil {
			return err
		}
		if _, err := w.Write(e.content); err != nil {
			return err
		}
	}
	return w.Close()
}
