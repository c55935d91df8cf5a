package rig

import (
	"fmt"
	"slices"
	"time"
)

// Quantile is the smallest value that so many in a hundred do not pass.
func Quantile(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)*percent+99)/100-1]
}

// Median is the middle value; of an even number, the mean of the two in the middle.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Millis is d in milliseconds, for a table.
func Millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
