package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// newRunc makes bundles from runc's own example, with the host's network.
func newRunc(ctx context.Context, program, dir string) (*Peer, error) {
	runc, err := exec.LookPath("runc")
	if err != nil {
		return nil, fmt.Errorf("runc (not installed)")
	}
	example := filepath.Join(dir, "bundles", "example")
	if err := os.MkdirAll(example, 0o755); err != nil {
		return nil, err
	}
	if err := Quietly(ctx, runc, "spec", "--bundle", example); err != nil {
		return nil, err
	}
	p := &Peer{
		Name: "runc run -d, host network",
		run: func(id, port string) ([]string, error) {
			bundle := filepath.Join(dir, "bundles", id)
			err := writeSpec(example, bundle, filepath.Dir(program), "/"+filepath.Base(program), port)
			return []string{runc, "run", "-d", "--bundle", bundle, id}, err
		},
		end:    func(id string) []string { return []string{runc, "delete", "-f", id} },
		pause:  func(id string) []string { return []string{runc, "pause", id} },
		resume: func(id string) []string { return []string{runc, "resume", id} },
		remove: func() {},
	}
	if err := p.try(ctx); err != nil {
		return nil, fmt.Errorf("runc (%w)", err)
	}
	return p, nil
}

// Bundle makes a bundle of runc's own example with a static program in it, for containers
// that run to their end.
func Bundle(ctx context.Context, bundle, program string) error {
	if err := os.MkdirAll(bundle, 0o755); err != nil {
		return err
	}
	if err := Quietly(ctx, "runc", "spec", "--bundle", bundle); err != nil {
		return err
	}
	return writeSpec(bundle, bundle, filepath.Dir(program), "/"+filepath.Base(program), "8080")
}

// writeSpec makes a bundle that differs from runc's example in the program and its network.
func writeSpec(example, bundle, root, program, port string) error {
	const file = "config.json"
	doc, err := os.ReadFile(filepath.Join(example, file))
	if err != nil {
		return err
	}
	var spec struct {
		Version  string           `json:"ociVersion"`
		Process  map[string]any   `json:"process"`
		Root     map[string]any   `json:"root"`
		Hostname string           `json:"hostname"`
		Mounts   []map[string]any `json:"mounts"`
		Linux    map[string]any   `json:"linux"`
	}
	if err := json.Unmarshal(doc, &spec); err != nil {
		return err
	}
	spec.Process["terminal"], spec.Process["args"], spec.Process["env"] = false, []string{program}, []string{"PORT=" + port}
	spec.Root["path"] = root
	var kept []any
	for _, ns := range spec.Linux["namespaces"].([]any) {
		if ns.(map[string]any)["type"] != "network" {
			kept = append(kept, ns)
		}
	}
	spec.Linux["namespaces"] = kept
	if doc, err = json.Marshal(spec); err != nil {
		return err
	}
	if err := os.MkdirAll(bundle, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(bundle, file), doc, 0o644)
}
