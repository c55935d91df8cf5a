package packager

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	slipway "github.com/slipway-run/slipway"

	"go.yaml.in/yaml/v3"
)

// configFile is a function's configuration beside its code.
const configFile = "slipway.yaml"

// maxConfig bounds slipway.yaml, which is read into memory.
const maxConfig = 256 << 10

// sourceConfig is cfg with what slipway.yaml says where cfg says nothing: a request
// wins over the file. All of the file is checked, although only runtime and handler
// matter for building.
func sourceConfig(dir string, cfg slipway.Config) (slipway.Config, error) {
	file, err := readConfig(filepath.Join(dir, configFile))
	if err != nil {
		return cfg, err
	}
	if cfg.Runtime == "" || cfg.Runtime == slipway.RuntimeAuto {
		cfg.Runtime = file.Runtime
	}
	cfg.Handler = cmp.Or(cfg.Handler, file.Handler)
	return cfg, nil
}

func readConfig(name string) (slipway.Config, error) {
	cfg := slipway.DefaultConfig()
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return cfg, nil
	}
	if err != nil {
		return cfg, wrap("read "+configFile, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return cfg, wrap("read "+configFile, err)
	}
	if len(raw) > maxConfig {
		return cfg, slipway.Errorf(slipway.ErrTooLarge, "%s: it has more than %d bytes", configFile, maxConfig)
	}
	var document map[string]any
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return cfg, slipway.Errorf(slipway.ErrInvalid, "%s: %w", configFile, err)
	}
	delete(document, "name") // for the command line: it is not part of a version
	patch, err := json.Marshal(document)
	if err != nil {
		return cfg, slipway.Errorf(slipway.ErrInvalid, "%s: %w", configFile, err)
	}
	if document == nil {
		return cfg, nil
	}
	merged, err := cfg.Merge(patch)
	if err != nil {
		return cfg, wrap(configFile, err)
	}
	return merged, nil
}

// mergeEnv is base with each NAME=value of more added or replaced.
func mergeEnv(base, more []string) []string {
	out := slices.Clone(base)
	for _, entry := range more {
		name, _, _ := strings.Cut(entry, "=")
		at := slices.IndexFunc(out, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		if at < 0 {
			out = append(out, entry)
		} else {
			out[at] = entry
		}
	}
	return out
}
