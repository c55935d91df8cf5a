package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-run/slipway"
)

// maxDocument bounds JSON bodies; environments are the largest thing in them.
const maxDocument = 1 << 20

// document reads the body, up to maxDocument bytes.
func (c *call) document() ([]byte, error) { return c.boundedDocument(maxDocument) }

// boundedDocument reads the body, up to limit bytes.
func (c *call) boundedDocument(limit int64) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge(limit)
	case err != nil:
		return nil, slipway.Errorf(slipway.ErrInvalid, "read the body: %w", err)
	}
	return bytes.TrimSpace(b), nil
}

// decode reads the body into v. No body leaves v as it is, an unknown field is refused.
func (c *call) decode(v any) error {
	b, err := c.document()
	if err != nil || len(b) == 0 {
		return err
	}
	return strictJSON(b, v)
}

// strictJSON reads one JSON value and refuses fields that v does not have.
func strictJSON(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return badJSON(err)
	}
	if dec.More() {
		return slipway.Errorf(slipway.ErrInvalid, "the body: one JSON object is expected, more follows it")
	}
	return nil
}

func badJSON(err error) error {
	var known *slipway.Error
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return slipway.Errorf(slipway.ErrInvalid, "the body: %s: a %s is not allowed here, %s is expected", wrongType.Field, wrongType.Value, wrongType.Type)
	default:
		return slipway.Errorf(slipway.ErrInvalid, "the body is not the JSON that this call takes: %w", err)
	}
}

// page is what ?limit= and ?cursor= ask for.
func (c *call) page() (slipway.Page, error) {
	limit, err := c.number("limit", 1, 1000)
	return slipway.Page{Limit: limit, Cursor: c.QueryParam("cursor")}, err
}

// number is a query parameter within bounds, or 0 when it is not given.
func (c *call) number(name string, low, high int) (int, error) {
	text := c.QueryParam(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, slipway.Errorf(slipway.ErrInvalid, "%s: %q is not allowed; it must be a number between %d and %d", name, text, low, high)
	}
	return n, nil
}

// duration is a query parameter within bounds, or 0 when it is not given.
func (c *call) duration(name string, low, high time.Duration) (time.Duration, error) {
	text := c.QueryParam(name)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < low || d > high {
		return 0, slipway.Errorf(slipway.ErrInvalid, "%s: %q is not allowed; it must be a duration between %s and %s, as in 30s", name, text, low, high)
	}
	return d, nil
}

// flag is a query parameter that is true or false; alone it is true.
func (c *call) flag(name string) (bool, error) {
	if !c.QueryParams().Has(name) {
		return false, nil
	}
	text := c.QueryParam(name)
	if text == "" {
		return true, nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, slipway.Errorf(slipway.ErrInvalid, "%s: %q is not allowed; it must be true or false", name, text)
	}
	return v, nil
}

// since is a moment: RFC 3339, or how long ago, as in 10m.
func (c *call) since() (time.Time, error) {
	text := c.QueryParam("since")
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, slipway.Errorf(slipway.ErrInvalid, "since: %q is neither a time as in 2026-01-31T12:00:00Z nor a duration as in 10m", text)
	}
	return at, nil
}

// version is a version number in the path.
func (c *call) version(param string) (int, error) {
	n, err := strconv.ParseInt(c.Param(param), 10, 32)
	if err != nil || n < 1 {
		return 0, slipway.Errorf(slipway.ErrInvalid, "version %q: it must be a number from 1", c.Param(param))
	}
	return int(n), nil
}

// sizeText is n bytes for a person.
func sizeText(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}
