package async

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// diff is lines for a person about what differs between two documents.
type diff struct {
	lines []string
	more  int // that are left out
}

// maxDiffLines is more than a person reads.
const maxDiffLines = 100

func (d *diff) equal() bool { return len(d.lines) == 0 }

func (d *diff) String() string {
	text := strings.Join(d.lines, "\n")
	if d.more > 0 {
		text += fmt.Sprintf("\nand %d more", d.more)
	}
	return text
}

func (d *diff) line(format string, args ...any) {
	if len(d.lines) == maxDiffLines {
		d.more++
		return
	}
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diff) text(what, a, b string) {
	if a != b {
		d.line("%s: %q, now %q", what, a, b)
	}
}

// documents compares two JSON documents by their meaning; no document is like null.
func (d *diff) documents(path string, a, b json.RawMessage) { d.values(path, parse(a), parse(b)) }

// parse keeps numbers as they are written: large ones would not survive a float64.
func parse(doc json.RawMessage) (v any) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil
	}
	return v
}

func (d *diff) values(path string, a, b any) {
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			d.objects(path, a, b)
			return
		}
	case []any:
		if b, ok := b.([]any); ok {
			d.arrays(path, a, b)
			return
		}
	default:
		if a == b { // neither is a map or slice, which cannot be compared
			return
		}
	}
	d.line("%s: %s, now %s", path, short(a), short(b))
}

func (d *diff) objects(path string, a, b map[string]any) {
	keys := slices.Collect(maps.Keys(a))
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		x, before := a[k]
		y, after := b[k]
		at := path + "." + k
		switch {
		case !after:
			d.line("%s: %s, now missing", at, short(x))
		case !before:
			d.line("%s: missing, now %s", at, short(y))
		default:
			d.values(at, x, y)
		}
	}
}

func (d *diff) arrays(path string, a, b []any) {
	for i := range min(len(a), len(b)) {
		d.values(path+"["+strconv.Itoa(i)+"]", a[i], b[i])
	}
	if len(a) != len(b) {
		d.line("%s: %d elements, now %d", path, len(a), len(b))
	}
}

// short is a value as JSON, cut where a line would be too long.
func short(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	const most = 200
	if text := []rune(string(b)); len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(b)
}
