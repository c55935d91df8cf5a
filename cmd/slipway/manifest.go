package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-run/slipway"
)

// manifestFile is the function's configuration in its folder.
const manifestFile = "slipway.yaml"

// manifest is a slipway.yaml: the function's configuration as REST takes it, and
// optionally its name.
type manifest struct {
	name   string
	config json.RawMessage // nil when nothing is configured
}

// readManifest reads the manifest of a folder; none is an empty one. What the platform
// would refuse is refused here, with the name of the file.
func readManifest(dir string) (manifest, error) {
	path := filepath.Join(dir, manifestFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return manifest{}, nil
	}
	if err != nil {
		return manifest{}, err
	}
	m, err := parseManifest(text)
	if err != nil {
		return manifest{}, slipway.Errorf(slipway.ErrInvalid, "%s: %w", path, err)
	}
	return m, nil
}

func parseManifest(text []byte) (manifest, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return manifest{}, err
	}
	var m manifest
	if name, ok := doc["name"]; ok {
		if m.name, ok = name.(string); !ok {
			return m, fmt.Errorf("name: %v is not a name; write it as text", name)
		}
		delete(doc, "name")
	}
	if len(doc) == 0 {
		return m, nil
	}
	config, err := json.Marshal(doc)
	if err != nil {
		return m, errors.New("every key must be text")
	}
	m.config = config
	_, err = slipway.DefaultConfig().Merge(config)
	return m, err
}
