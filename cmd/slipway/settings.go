package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/slipway-run/slipway"
)

// settle fills in the flags of a server command that were not given: from the
// environment (SLIPWAY_LISTEN for --listen), else from the file that --config names
// (listen: for --listen), else its default stays. An unknown key in the file is an
// error, because a misspelt limit is no limit.
func settle(cmd *cobra.Command, getenv func(string) string) error {
	file, err := readSettings(cmd, getenv)
	if err != nil {
		return err
	}
	var wrong error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value, inFile := file[f.Name]
		delete(file, f.Name)
		if f.Changed || wrong != nil {
			return
		}
		source := "the configuration file's " + f.Name
		if env := getenv(variable(f.Name)); env != "" && f.Name != "help" {
			value, inFile, source = env, true, variable(f.Name)
		}
		if !inFile {
			return
		}
		if err := f.Value.Set(value); err != nil {
			wrong = usageError{slipway.Errorf(slipway.ErrInvalid, "%s: %q: %w", source, value, err)}
		}
	})
	if wrong != nil {
		return wrong
	}
	for key := range file {
		return usageError{slipway.Errorf(slipway.ErrInvalid, "the configuration file's %s is not known; the keys are the long flags of 'slipway %s --help'", key, cmd.Name())}
	}
	return nil
}

// variable is the environment's name for a flag: max-body is SLIPWAY_MAX_BODY.
func variable(flag string) string {
	return "SLIPWAY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// readSettings reads the file that --config (or SLIPWAY_CONFIG) names. Keys may be
// written with hyphens or underscores.
func readSettings(cmd *cobra.Command, getenv func(string) string) (map[string]string, error) {
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	if path = cmp.Or(path, getenv("SLIPWAY_CONFIG")); path == "" {
		return nil, nil
	}
	doc, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var raw map[string]any
	if err := yaml.Unmarshal(doc, &raw); err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "read the configuration %s: %w", path, err)
	}
	settings := make(map[string]string, len(raw))
	for key, value := range raw {
		settings[strings.ReplaceAll(key, "_", "-")] = scalar(value)
	}
	return settings, nil
}

// scalar writes a YAML value the way a flag takes it: a list is joined by commas.
func scalar(v any) string {
	list, ok := v.([]any)
	if !ok {
		return fmt.Sprint(v)
	}
	words := make([]string, len(list))
	for i, item := range list {
		words[i] = fmt.Sprint(item)
	}
	return strings.Join(words, ",")
}
