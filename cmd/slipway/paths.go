package main

import (
	"os"
	"path/filepath"
)

// Names below a data folder. The server makes them, the client finds the key there.
const (
	adminKeyFile = "admin.key" // 0600; the key made on the first start
	nodeFile     = "node"      // this server's lasting identity
	lockFile     = "lock"      // held while a server uses the folder
)

// defaultDataDir is /var/lib/slipway for root of the machine, and a folder of one's own for others.
func defaultDataDir() string {
	if machineRoot() {
		return "/var/lib/slipway"
	}
	return filepath.Join(xdg("XDG_DATA_HOME", ".local/share"), "slipway")
}

// defaultCacheDir holds what can be made again: base images and the caches of go,
// pip and npm. It is shared by all servers of a machine.
func defaultCacheDir() string {
	if machineRoot() {
		return "/var/cache/slipway"
	}
	return filepath.Join(xdg("XDG_CACHE_HOME", ".cache"), "slipway")
}

// xdg is the folder that variable names, else fallback below the home folder, else
// below the temporary folder (freedesktop.org's base directory specification).
func xdg(variable, fallback string) string {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return os.TempDir()
	}
	return filepath.Join(home, fallback)
}
