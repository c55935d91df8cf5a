package slipway

import (
	"encoding/json"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The media types of CloudEvents over HTTP.
const (
	CloudEventType  = "application/cloudevents+json"
	CloudEventsType = "application/cloudevents-batch+json"
)

// CloudEvent is an event as CloudEvents 1.0 describes it:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md. Its JSON is the
// structured form, Header the head of the binary one.
type CloudEvent struct {
	Attributes map[string]string // context attributes and extensions, without datacontenttype and specversion
	DataType   string            // datacontenttype; "" when there is no data, or nothing was said
	Data       []byte
	values     map[string]json.RawMessage // of extensions that are no strings in JSON: numbers and booleans
}

// Attribute is a context attribute or an extension; "" when e has none.
func (e CloudEvent) Attribute(name string) string { return e.Attributes[name] }

// Check says whether e is what the specification asks for; the error is ErrInvalid and
// names the attribute.
func (e CloudEvent) Check() error {
	for _, name := range []string{"id", "source", "type"} {
		if e.Attributes[name] == "" {
			return Errorf(ErrInvalid, "cloudevent: the attribute %s is needed, and cannot be empty", name)
		}
	}
	for name, value := range e.Attributes {
		if err := checkAttribute(name, value); err != nil {
			return err
		}
	}
	if e.DataType != "" {
		if _, _, err := mime.ParseMediaType(e.DataType); err != nil {
			return Errorf(ErrInvalid, "cloudevent: datacontenttype: %q is not a media type (RFC 2046)", e.DataType)
		}
	}
	return nil
}

func checkAttribute(name, value string) error {
	if !isAttributeName(name) {
		return Errorf(ErrInvalid, "cloudevent: %q is not the name of an attribute; it is lower-case letters and digits", name)
	}
	if value == "" {
		return Errorf(ErrInvalid, "cloudevent: the attribute %s cannot be empty; leave it out", name)
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, isControl) {
		return Errorf(ErrInvalid, "cloudevent: the attribute %s is not text without control characters", name)
	}
	switch name {
	case "data", "specversion", "datacontenttype":
		return Errorf(ErrInvalid, "cloudevent: %s cannot be an attribute here", name)
	case "source", "dataschema":
		if u, err := url.Parse(value); err != nil || name == "dataschema" && !u.IsAbs() {
			return Errorf(ErrInvalid, "cloudevent: %s: %q is not a URI", name, value)
		}
	case "time":
		if _, err := time.Parse(time.RFC3339Nano, value); err != nil {
			return Errorf(ErrInvalid, "cloudevent: time: %q is not a time as in 2026-03-01T12:00:00Z (RFC 3339)", value)
		}
	}
	return nil
}

func isAttributeName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r <= 0x9f }

// Header is the head of e in the binary form: ce-… and Content-Type.
func (e CloudEvent) Header() Header {
	h := Header{"Ce-Specversion": {"1.0"}}
	for name, value := range e.Attributes {
		h["Ce-"+strings.ToUpper(name[:1])+name[1:]] = []string{encodeAttribute(value)}
	}
	if e.DataType != "" {
		h["Content-Type"] = []string{e.DataType}
	}
	return h
}

// IsCloudEvent says whether h is the head of one in the binary form.
func IsCloudEvent(h Header) bool { return len(h["Ce-Specversion"]) > 0 }

// BinaryCloudEvent reads the binary form, whose head is in canonical form. It is checked.
func BinaryCloudEvent(h Header, body []byte) (CloudEvent, error) {
	e := CloudEvent{Attributes: map[string]string{}, Data: body}
	for field, values := range h {
		name, ok := strings.CutPrefix(strings.ToLower(field), "ce-")
		if !ok {
			continue
		}
		if len(values) != 1 {
			return e, Errorf(ErrInvalid, "cloudevent: the header %s stands there %d times; once is allowed", field, len(values))
		}
		e.Attributes[name] = decodeAttribute(values[0])
	}
	if v := e.Attributes["specversion"]; v != "1.0" {
		return e, errSpecVersion(v)
	}
	delete(e.Attributes, "specversion")
	if types := h["Content-Type"]; len(types) > 0 {
		e.DataType = types[0]
	}
	return e, e.Check()
}

func errSpecVersion(v string) error {
	return Errorf(ErrInvalid, "cloudevent: specversion: %q is not known; it must be 1.0", v)
}

// encodeAttribute writes a value as the HTTP binding wants it (section 3.1.3.2):
// everything but printable ASCII, and space, quote and percent, as %XX of its UTF-8.
func encodeAttribute(value string) string {
	var b strings.Builder
	for i := range len(value) {
		if c := value[i]; c > 0x20 && c < 0x7f && c != '"' && c != '%' {
			b.WriteByte(c)
		} else {
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// decodeAttribute is its reverse; a value in quotes is taken out of them first.
func decodeAttribute(value string) string {
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(value[1 : n-1])
	}
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			if c, err := strconv.ParseUint(value[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, value[i])
	}
	return string(b)
}
