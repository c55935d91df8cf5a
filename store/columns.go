package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// document is a column of JSON: written from v, or read into what v points to.
type document struct{ v any }

// Value implements driver.Valuer.
func (d document) Value() (driver.Value, error) {
	b, err := json.Marshal(d.v)
	return string(b), err
}

// Scan implements sql.Scanner.
func (d document) Scan(src any) error {
	switch src := src.(type) {
	case string:
		return json.Unmarshal([]byte(src), d.v)
	case []byte:
		return json.Unmarshal(src, d.v)
	default:
		return fmt.Errorf("a JSON column holds %T", src)
	}
}

// maybeCanary is a column of JSON that is NULL for nil.
type maybeCanary struct{ c **slipway.Canary }

// Value implements driver.Valuer.
func (d maybeCanary) Value() (driver.Value, error) {
	if *d.c == nil {
		return nil, nil
	}
	return document{*d.c}.Value()
}

// Scan implements sql.Scanner.
func (d maybeCanary) Scan(src any) error {
	*d.c = nil
	if src == nil {
		return nil
	}
	*d.c = new(slipway.Canary)
	return document{*d.c}.Scan(src)
}

// configuration reads a document over the defaults: a field that did not exist when it
// was written has its default.
type configuration struct{ c *slipway.Config }

// Scan implements sql.Scanner.
func (c configuration) Scan(src any) error {
	*c.c = slipway.DefaultConfig()
	return document{c.c}.Scan(src)
}

// moment reads a column of time into t, in UTC. SQLite gives one that was computed, as by
// min, as the microseconds that it keeps.
type moment struct{ t *time.Time }

// Scan implements sql.Scanner.
func (m moment) Scan(src any) error {
	switch src := src.(type) {
	case time.Time:
		*m.t = src.UTC()
	case int64:
		*m.t = time.UnixMicro(src).UTC()
	default:
		return fmt.Errorf("a time column holds %T", src)
	}
	return nil
}

// maybeMoment reads a column of time that may be NULL.
type maybeMoment struct{ t **time.Time }

// Scan implements sql.Scanner.
func (m maybeMoment) Scan(src any) error {
	if src == nil {
		*m.t = nil
		return nil
	}
	*m.t = new(time.Time)
	return moment{*m.t}.Scan(src)
}

// stamp is t with the precision that both engines keep.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// stampOrNow is stamp, or the present moment for the zero time.
func stampOrNow(t time.Time) time.Time {
	if t.IsZero() {
		return now()
	}
	return stamp(t)
}

// stampOrNull is stamp, or NULL for the zero time.
func stampOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return maybeStamp(&t)
}

func maybeStamp(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	s := stamp(*t)
	return &s
}

// printable makes s, which may hold what a user's program printed, something that a
// column of text can hold: UTF-8 without zero bytes.
func printable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
