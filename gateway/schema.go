package gateway

import (
	"encoding"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// schemaSet are the JSON schemas of the API's documents, by name.
type schemaSet map[string]any

var (
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	moment        = reflect.TypeFor[time.Time]()
	rawJSON       = reflect.TypeFor[json.RawMessage]()
)

// of is the schema of t; a named struct becomes a component and a reference to it.
func (s schemaSet) of(t reflect.Type) object {
	switch {
	case t == moment:
		return object{"type": "string", "format": "date-time"}
	case t == rawJSON:
		return object{}
	case t.Kind() != reflect.Pointer && t.Implements(textMarshaler):
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return object{"anyOf": []any{s.of(t.Elem()), object{"type": "null"}}}
	case reflect.Struct:
		return s.component(t)
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Slice, reflect.Array:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	default:
		return object{"type": "integer"}
	}
}

func (s schemaSet) component(t reflect.Type) object {
	name := schemaName(t)
	if _, known := s[name]; !known {
		properties := object{}
		s[name] = object{"type": "object", "properties": properties}
		s.fields(t, properties)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// fields adds what encoding/json writes of t: embedded structs are part of it.
func (s schemaSet) fields(t reflect.Type, properties object) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			s.fields(f.Type, properties)
		case name != "-" && f.IsExported():
			if name == "" {
				name = f.Name
			}
			properties[name] = s.of(f.Type)
		}
	}
}

var genericRE = regexp.MustCompile(`^(\w+)\[.*?(\w+)\]$`)

// schemaName is the name of a type in title case; List[slipway.Version] is VersionList.
func schemaName(t reflect.Type) string {
	name := t.Name()
	if m := genericRE.FindStringSubmatch(name); m != nil {
		name = m[2] + m[1]
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
