package main

import (
	"cmp"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

// defaultURL is where 'slipway serve' listens unless told otherwise.
const defaultURL = "http://127.0.0.1:8080"

// clientCommands are the commands that call a gateway.
func clientCommands() []*cobra.Command {
	return []*cobra.Command{
		newDeployCommand(), newInvokeCommand(), newFunctionsCommand(), newInstancesCommand(), newVersionsCommand(), newLogsCommand(),
		newRollbackCommand(), newAliasCommand(), newScaleCommand(), newPauseCommand(),
		newResumeCommand(), newStatusCommand(), newTenantsCommand(), newTriggersCommand(),
		newJobsCommand(), newQueuesCommand(), newEnvironmentsCommand(), newDefinitionsCommand(),
		newInvocationsCommand(),
	}
}

// newClient calls SLIPWAY_URL with SLIPWAY_KEY. Without a key, the admin key of a server
// on this machine is used, and sent to this machine only.
func newClient(getenv func(string) string) (*sdk.Client, error) {
	target := cmp.Or(getenv("SLIPWAY_URL"), defaultURL)
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, usageError{slipway.Errorf(slipway.ErrInvalid, "SLIPWAY_URL: %q is not the URL of a gateway, as in %s", target, defaultURL)}
	}
	key := getenv("SLIPWAY_KEY")
	if key == "" && isLoopback(u.Hostname()) {
		key = findAdminKey(adminKeyDirs(getenv))
	}
	return sdk.New(target, strings.TrimSpace(key)), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (ip != nil && ip.IsLoopback())
}

// adminKeyDirs are the data folders a server of this machine may use, likeliest first.
func adminKeyDirs(getenv func(string) string) []string {
	dirs := []string{getenv("SLIPWAY_DATA"), "/var/lib/slipway", defaultDataDir()}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".local", "share", "slipway"))
	}
	return dirs
}

// findAdminKey is the first key that can be read; "" makes the gateway say that one is
// needed.
func findAdminKey(dirs []string) string {
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		if key, err := os.ReadFile(filepath.Join(dir, adminKeyFile)); err == nil {
			return string(key)
		}
	}
	return ""
}
