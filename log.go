package slipway

import "time"

// LogLine is one line that user code printed, or that the platform says about an
// instance in its place (Stream "platform").
type LogLine struct {
	At         time.Time `json:"at"`
	Tenant     string    `json:"tenant,omitempty"`
	Function   string    `json:"function"`
	Version    int       `json:"version"`
	Instance   string    `json:"instance"`
	Invocation string    `json:"invocation,omitempty"` // "" when not known, or between invocations
	Stream     string    `json:"stream"`               // stdout, stderr or platform
	Text       string    `json:"text"`                 // without the newline; at most 16 KiB, longer lines are cut in pieces
}

// JobLogLine is one line that an attempt of a job printed, or that the platform says about
// it in its place (Stream "platform").
type JobLogLine struct {
	At      time.Time `json:"at"`
	Tenant  string    `json:"tenant,omitempty"`
	Job     string    `json:"job"`     // id; of an array the parent's
	Index   int       `json:"index"`   // of the child; 0 when the job is no array
	Attempt int       `json:"attempt"` // from 1
	Stream  string    `json:"stream"`  // stdout, stderr or platform
	Text    string    `json:"text"`    // as in LogLine
}
