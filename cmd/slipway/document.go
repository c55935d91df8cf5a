package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/slipway-run/slipway"
)

// addFileFlag lets a command take a document from a file.
func addFileFlag(cmd *cobra.Command) {
	cmd.Flags().StringP("file", "f", "", "a document as REST takes it, in YAML or JSON (- is standard input); flags win over it")
}

// readDocument reads the file that --file names into an object; none is an empty one.
func readDocument(cmd *cobra.Command) (map[string]any, error) {
	name, err := cmd.Flags().GetString("file")
	if err != nil || name == "" {
		return map[string]any{}, err
	}
	text, err := readNamed(name, cmd.InOrStdin())
	if err != nil {
		return nil, usageError{slipway.Errorf(slipway.ErrInvalid, "--file: %w", err)}
	}
	doc, err := parseDocument(text)
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "%s: %w", name, err)
	}
	return doc, nil
}

func readNamed(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}

// parseDocument reads one object of YAML, of which JSON is a part.
func parseDocument(text []byte) (map[string]any, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc == nil {
		doc = map[string]any{}
	}
	if _, err := json.Marshal(doc); err != nil {
		return nil, fmt.Errorf("every key must be text")
	}
	return doc, nil
}

// field is how a flag is written in a document: the path of its field, and what its text
// becomes.
type field struct {
	path  string // with dots: retry.attempts
	value func(*pflag.Flag) (any, error)
}

// applyFlags lays the flags that were given over doc.
func applyFlags(cmd *cobra.Command, doc map[string]any, fields map[string]field) error {
	var failed error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		to, ok := fields[f.Name]
		if !ok || failed != nil {
			return
		}
		value, err := to.value(f)
		if err != nil {
			failed = usageError{slipway.Errorf(slipway.ErrInvalid, "--%s: %w", f.Name, err)}
			return
		}
		failed = setField(doc, to.path, value)
	})
	return failed
}

// setField sets the field at a path. Maps are merged, everything else is replaced.
func setField(doc map[string]any, path string, value any) error {
	name, rest, nested := strings.Cut(path, ".")
	inner, isObject := doc[name].(map[string]any)
	if !nested {
		if more, ok := value.(map[string]any); ok && isObject {
			for k, v := range more {
				inner[k] = v
			}
			return nil
		}
		doc[name] = value
		return nil
	}
	if doc[name] == nil {
		inner, isObject = map[string]any{}, true
		doc[name] = inner
	}
	if !isObject {
		return slipway.Errorf(slipway.ErrInvalid, "%s: an object is expected in the file, not %v", name, doc[name])
	}
	return setField(inner, rest, value)
}

// asNumber, asText, asList and asPairs are what the text of a flag becomes.
func asNumber(f *pflag.Flag) (any, error) { return json.Number(f.Value.String()), nil }

func asText(f *pflag.Flag) (any, error) { return f.Value.String(), nil }

func asList(f *pflag.Flag) (any, error) {
	list, ok := f.Value.(pflag.SliceValue)
	if !ok {
		return nil, fmt.Errorf("it is no list")
	}
	return list.GetSlice(), nil
}

// asPairs reads NAME=VALUE, of which a value may hold anything.
func asPairs(f *pflag.Flag) (any, error) {
	list, err := asList(f)
	if err != nil {
		return nil, err
	}
	pairs := map[string]any{}
	for _, pair := range list.([]string) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is not allowed; write NAME=VALUE", pair)
		}
		pairs[name] = value
	}
	return pairs, nil
}
