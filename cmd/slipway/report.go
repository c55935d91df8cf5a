package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

// writeReport says for a person where the time of an invocation went, and what it used.
func writeReport(w io.Writer, r sdk.Report) {
	var b strings.Builder
	if r.ColdStart {
		fmt.Fprintf(&b, "cold start %.1f ms, ", r.StartMS)
	}
	if r.QueueMS >= 0.1 {
		fmt.Fprintf(&b, "queue %.1f ms, ", r.QueueMS)
	}
	fmt.Fprintf(&b, "run %.1f ms", r.RunMS)
	if r.CPUMS > 0 {
		fmt.Fprintf(&b, ", cpu %.1f ms", r.CPUMS)
	}
	if r.MemoryPeakMB > 0 {
		fmt.Fprintf(&b, ", memory %d MiB", r.MemoryPeakMB)
	}
	fmt.Fprintf(w, "slipway: %s\n", b.String())
}

// outcome is an invocation as a JSON document.
type outcome struct {
	RequestID string          `json:"request_id"`
	Status    int             `json:"status"`
	Answer    json.RawMessage `json:"answer"` // JSON as it is, else text; what the function did wrong, with an error
	Error     string          `json:"error,omitempty"`
	LogTail   string          `json:"log_tail,omitempty"`
	Report    sdk.Report      `json:"report"`
}

// writeOutcome writes the document. An answer that is streamed is read to its end first.
func writeOutcome(cmd *cobra.Command, result *sdk.Result) error {
	doc := outcome{RequestID: result.RequestID, Status: result.Status, LogTail: result.LogTail, Report: result.Report}
	var answer []byte
	if result.Error != nil {
		answer, doc.Error = result.Error.Payload, result.Error.Error()
	} else if result.Body != nil {
		var err error
		if answer, err = io.ReadAll(result.Body); err != nil {
			return slipway.Errorf(slipway.ErrUnavailable, "read the answer: %w", err)
		}
	}
	if doc.Answer = answer; !json.Valid(answer) {
		text, err := json.Marshal(string(answer))
		if err != nil {
			return err
		}
		doc.Answer = text
	}
	if err := writeJSON(cmd.OutOrStdout(), doc); err != nil || result.Error == nil {
		return err
	}
	return errSaid
}
