package slipway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// isJSONType says whether data of a media type is a JSON value in the structured form.
// Nothing said means JSON.
func isJSONType(mediaType string) bool {
	t, _, err := mime.ParseMediaType(mediaType)
	return mediaType == "" || err == nil && (strings.HasSuffix(t, "/json") || strings.HasSuffix(t, "+json"))
}

// MarshalJSON writes the structured form. Data that is said to be JSON and is, stands
// there as it is; other text as a string; anything else in base64.
func (e CloudEvent) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"specversion":"1.0"`)
	member := func(name string, value []byte) {
		b.WriteByte(',')
		b.Write(quote(name))
		b.WriteByte(':')
		b.Write(value)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		if raw, ok := e.values[name]; ok {
			member(name, raw)
		} else {
			member(name, quote(e.Attributes[name]))
		}
	}
	if e.DataType != "" {
		member("datacontenttype", quote(e.DataType))
	}
	switch {
	case len(e.Data) == 0:
	case isJSONType(e.DataType) && json.Valid(e.Data):
		member("data", e.Data)
	case !isJSONType(e.DataType) && utf8.Valid(e.Data):
		member("data", quote(string(e.Data)))
	default:
		member("data_base64", quote(base64.StdEncoding.EncodeToString(e.Data)))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// quote is text as a JSON string; a string can always be written.
func quote(text string) []byte {
	b, _ := json.Marshal(text)
	return b
}

// UnmarshalJSON reads the structured form, and checks it.
func (e *CloudEvent) UnmarshalJSON(doc []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(doc, &members); err != nil || members == nil {
		return Errorf(ErrInvalid, "cloudevent: a JSON object is expected")
	}
	*e = CloudEvent{Attributes: map[string]string{}}
	for name, raw := range members {
		if string(raw) == "null" || name == "data" || name == "data_base64" {
			continue
		}
		value, isString, err := attributeValue(name, raw)
		if err != nil {
			return err
		}
		e.Attributes[name] = value
		if !isString {
			if e.values == nil {
				e.values = map[string]json.RawMessage{}
			}
			e.values[name] = raw
		}
	}
	if v := e.Attributes["specversion"]; v != "1.0" {
		return errSpecVersion(v)
	}
	e.DataType = e.Attributes["datacontenttype"]
	delete(e.Attributes, "specversion")
	delete(e.Attributes, "datacontenttype")
	if err := e.readData(members); err != nil {
		return err
	}
	return e.Check()
}

// attributeValue is the value of an attribute in its canonical text. Those of the
// specification are strings; extensions may be numbers and booleans.
func attributeValue(name string, raw json.RawMessage) (value string, isString bool, err error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", false, Errorf(ErrInvalid, "cloudevent: %s: %w", name, err)
	}
	switch v := v.(type) {
	case string:
		return v, true, nil
	case bool:
		value = strconv.FormatBool(v)
	case float64:
		if v != math.Trunc(v) || v < math.MinInt32 || v > math.MaxInt32 {
			return "", false, Errorf(ErrInvalid, "cloudevent: %s: %s is not an integer of 32 bits", name, raw)
		}
		value = strconv.FormatInt(int64(v), 10)
	default:
		return "", false, Errorf(ErrInvalid, "cloudevent: %s: an attribute is text, a whole number or a boolean", name)
	}
	switch name {
	case "id", "source", "type", "specversion", "subject", "time", "datacontenttype", "dataschema":
		return "", false, Errorf(ErrInvalid, "cloudevent: %s: text is expected", name)
	}
	return value, false, nil
}

func (e *CloudEvent) readData(members map[string]json.RawMessage) error {
	data, encoded := members["data"], members["data_base64"]
	if data != nil && encoded != nil {
		return Errorf(ErrInvalid, "cloudevent: data and data_base64 are both there; one is allowed")
	}
	var text string
	switch {
	case encoded != nil:
		if err := json.Unmarshal(encoded, &text); err != nil {
			return Errorf(ErrInvalid, "cloudevent: data_base64: text is expected")
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return Errorf(ErrInvalid, "cloudevent: data_base64: %w", err)
		}
		e.Data = b
	case data == nil:
	case !isJSONType(e.DataType) && json.Unmarshal(data, &text) == nil:
		e.Data = []byte(text)
	default:
		e.Data = data
		if e.DataType == "" {
			e.DataType = "application/json"
		}
	}
	return nil
}
