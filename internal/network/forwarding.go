package network

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	ipv4Forwarding = "/proc/sys/net/ipv4/ip_forward"
	ipv6Forwarding = "/proc/sys/net/ipv6/conf/all/forwarding"
)

// enableForwarding makes the machine a router, as far as it is not one yet. It says
// what it changed. It must run in the host's network namespace: /proc/sys/net is that
// of the thread.
func enableForwarding(ipv6 bool) (changed []string, err error) {
	if on, err := switchOn(ipv4Forwarding, "1"); err != nil {
		return nil, err
	} else if on {
		changed = append(changed, "net.ipv4.ip_forward")
	}
	if !ipv6 || setting(ipv6Forwarding) == "1" {
		return changed, nil
	}
	if err := keepAdvertisements(); err != nil {
		return changed, err
	}
	if _, err := switchOn(ipv6Forwarding, "1"); err != nil {
		return changed, err
	}
	return append(changed, "net.ipv6.conf.all.forwarding"), nil
}

// keepAdvertisements makes interfaces that have their routes from router
// advertisements go on taking them: a router takes none, unless accept_ra is 2.
func keepAdvertisements() error {
	files, err := filepath.Glob("/proc/sys/net/ipv6/conf/*/accept_ra")
	if err != nil {
		return err
	}
	for _, f := range files {
		if setting(f) != "1" {
			continue
		}
		if _, err := switchOn(f, "2"); err != nil {
			return err
		}
	}
	return nil
}

// switchOn writes a setting that has another value, and says whether it did.
func switchOn(file, value string) (bool, error) {
	if setting(file) == value {
		return false, nil
	}
	if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
		return false, fmt.Errorf("sandboxes need forwarding: %w; set it by hand: sysctl -w %s=%s", err,
			strings.ReplaceAll(strings.TrimPrefix(file, "/proc/sys/"), "/", "."), value)
	}
	return true, nil
}

// setting is "" when there is none, as without IPv6.
func setting(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
