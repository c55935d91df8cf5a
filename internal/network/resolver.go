package network

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
)

// resolverFiles are looked at in this order. The second is where systemd-resolved
// keeps the servers behind its own 127.0.0.53.
func resolverFiles() []string {
	return []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"}
}

// resolvers are the name servers of the first file that has one a sandbox can reach.
func resolvers(files []string) ([]netip.Addr, error) {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find the resolvers: %w", err)
		}
		if found := nameservers(text); len(found) > 0 {
			return found, nil
		}
	}
	return nil, fmt.Errorf("%s name no DNS server that a sandbox can reach (one on a loopback address is of use to this machine only): configure DNS with the address of one", strings.Join(files, " and "))
}

// nameservers reads a resolv.conf(5) and leaves out what a sandbox cannot reach.
func nameservers(text []byte) []netip.Addr {
	var found []netip.Addr
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(fields[1]); err == nil && usableResolver(a.Unmap()) {
			found = append(found, a.Unmap())
		}
	}
	return found
}

// usableResolver says whether the address means the same in a sandbox as here.
func usableResolver(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsUnspecified() && a.Zone() == "" &&
		(a.Is4() || !a.IsLinkLocalUnicast())
}
