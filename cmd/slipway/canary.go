package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
)

// addCanaryFlags lets a command give a version its events by and by.
func addCanaryFlags(cmd *cobra.Command) {
	usual := slipway.DefaultCanary()
	f := cmd.Flags()
	f.String("canary", "", "shares that the version gets one after the other before it gets everything, as in 10%,50%; it goes back by itself when it does worse")
	f.Duration("canary-interval", usual.Interval.D(), "how long each share lasts at least")
	f.Float64("canary-max-error-rate", usual.MaxErrorRate, "share of its events that may fail, 0 to 1")
	f.Float64("canary-max-latency-ratio", usual.MaxLatencyRatio, "its 95th percentile beside the current version's, 1 to 100")
	f.Int("canary-min-events", usual.MinEvents, "events that it must have had in each step")
}

// canaryPlan is what the flags say, or nil without --canary.
func canaryPlan(cmd *cobra.Command) (*slipway.Canary, error) {
	f := cmd.Flags()
	steps, err := f.GetString("canary")
	if err != nil {
		return nil, err
	}
	if steps == "" {
		for _, name := range []string{"canary-interval", "canary-max-error-rate", "canary-max-latency-ratio", "canary-min-events"} {
			if f.Changed(name) {
				return nil, usageError{slipway.Errorf(slipway.ErrInvalid, "--%s needs --canary with the steps, as in --canary 10%%,50%%", name)}
			}
		}
		return nil, nil
	}
	plan := slipway.Canary{}
	if plan.Steps, err = parseSteps(steps); err != nil {
		return nil, err
	}
	interval, _ := f.GetDuration("canary-interval") // they exist: see addCanaryFlags
	plan.Interval = slipway.Duration(interval)
	plan.MaxErrorRate, _ = f.GetFloat64("canary-max-error-rate")
	plan.MaxLatencyRatio, _ = f.GetFloat64("canary-max-latency-ratio")
	plan.MinEvents, _ = f.GetInt("canary-min-events")
	if err := plan.Check(); err != nil {
		return nil, usageError{err}
	}
	return &plan, nil
}

// parseSteps reads 10%,50% or 0.1,0.5.
func parseSteps(text string) ([]float64, error) {
	var steps []float64
	for word := range strings.SplitSeq(text, ",") {
		number, percent := strings.CutSuffix(strings.TrimSpace(word), "%")
		share, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return nil, usageError{slipway.Errorf(slipway.ErrInvalid, "--canary: %q is not a share, as in 10%% or 0.1", word)}
		}
		if percent {
			share /= 100
		}
		steps = append(steps, share)
	}
	return steps, nil
}
