package main

import (
	"encoding/json"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
)

func newScaleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scale NAME",
		Short: "Change how many instances a function may have; at once, without a new version",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return scale(cmd, args[0]) },
	}
	f := cmd.Flags()
	f.Int("min", 0, "instances kept even when idle")
	f.Int("max", 0, "instances at most")
	f.Int("concurrency", 0, "invocations at once per instance")
	f.Int("provisioned", 0, "instances started before the first request")
	f.Int("reserved", 0, "of the tenant's concurrency, set aside for this function")
	f.Duration("idle-timeout", 0, "an instance idle this long is stopped")
	f.Duration("idle-min", 0, "none is stopped sooner, whatever was learnt of the function's traffic")
	f.Bool("background", false, "the process works between events too: it is never frozen")
	addOutputFlag(cmd)
	return cmd
}

func scale(cmd *cobra.Command, name string) error {
	scaling := scalingPatch(cmd)
	if len(scaling) == 0 {
		return usageError{slipway.Errorf(slipway.ErrInvalid, "say what to change: --min, --max, --concurrency, --provisioned, --reserved, --idle-timeout, --idle-min or --background")}
	}
	patch, err := json.Marshal(map[string]any{"scaling": scaling})
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	if _, err := client.Function(cmd.Context(), name); err != nil {
		return err // putting it would create a function that was only misspelt
	}
	f, err := client.PutFunction(cmd.Context(), name, patch)
	if err != nil {
		return err
	}
	t := newTable("NAME", "MIN", "MAX", "CONCURRENCY", "PROVISIONED", "RESERVED", "IDLE TIMEOUT", "IDLE MIN", "BACKGROUND")
	s := f.Scaling
	t.row(f.Name, s.Min, s.Max, s.Concurrency, s.Provisioned, s.Reserved, s.IdleTimeout, s.IdleMin, s.Background)
	return show(cmd, f, t)
}

// scalingPatch holds the flags that were given.
func scalingPatch(cmd *cobra.Command) map[string]any {
	patch := map[string]any{}
	for flag, field := range map[string]string{"min": "min", "max": "max", "concurrency": "concurrency", "provisioned": "provisioned", "reserved": "reserved"} {
		if n, err := cmd.Flags().GetInt(flag); err == nil && cmd.Flags().Changed(flag) {
			patch[field] = n
		}
	}
	for flag, field := range map[string]string{"idle-timeout": "idle_timeout", "idle-min": "idle_min"} {
		if d, err := cmd.Flags().GetDuration(flag); err == nil && cmd.Flags().Changed(flag) {
			patch[field] = d.String()
		}
	}
	if on, err := cmd.Flags().GetBool("background"); err == nil && cmd.Flags().Changed("background") {
		patch["background"] = on
	}
	return patch
}
