package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/slipway-run/slipway"
)

// LogQuery says which lines are wanted.
type LogQuery struct {
	Since  time.Time // zero is from the beginning
	Limit  int       // the newest lines at most; 0 is all
	Follow bool      // goes on until the context ends
}

// Logs calls each with every line that a function printed, oldest first.
func (c *Client) Logs(ctx context.Context, function string, q LogQuery, each func(slipway.LogLine) error) error {
	query := url.Values{}
	if !q.Since.IsZero() {
		query.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if q.Limit > 0 {
		query.Set("limit", fmt.Sprint(q.Limit))
	}
	target := path("v1", "functions", function, "logs")
	if q.Follow {
		return c.followEvents(ctx, target, query, "log", func(data []byte) error {
			var line slipway.LogLine
			if err := json.Unmarshal(data, &line); err != nil {
				return fmt.Errorf("read a line of the log: %w", err)
			}
			return each(line)
		})
	}
	resp, err := c.send(ctx, call{method: http.MethodGet, path: target, query: query})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return eachJSON(resp.Body, each)
}

// followEvents calls each with the data of every event of a name, until the stream ends.
func (c *Client) followEvents(ctx context.Context, path string, query url.Values, name string, each func([]byte) error) error {
	query.Set("follow", "true")
	resp, err := c.send(ctx, call{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for events := newEventReader(resp.Body); ; {
		event, data, err := events.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return brokenStream(ctx, err)
		}
		switch event {
		case "error":
			return eventError(data)
		case name:
			if err := each(data); err != nil {
				return err
			}
		}
	}
}
