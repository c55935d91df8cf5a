package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// The ids that sandboxes have on the host, as internal/sandbox takes them by default.
const (
	firstID = 1 << 20
	lastID  = 1<<31 - 1
)

// checkIDs looks whether somebody else has ids that sandboxes will have: who shares an
// id with a sandbox owns its processes and files.
func checkIDs(context.Context) finding {
	var taken []string
	for _, file := range []string{"/etc/passwd", "/etc/group"} {
		taken = append(taken, accounts(file)...)
	}
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		taken = append(taken, delegations(file)...)
	}
	if len(taken) > 0 {
		return warning("give those other ids, below "+strconv.Itoa(firstID)+" (usermod, or the lines in /etc/subuid and /etc/subgid)",
			"sandboxes have the ids %d to %d, which others have too: %s", firstID, lastID, strings.Join(taken, ", "))
	}
	return fine("%d to %d are free for sandboxes", firstID, lastID)
}

// accounts are the names in passwd(5) or group(5) with an id in the range.
func accounts(file string) []string {
	var found []string
	for _, fields := range colonLines(file) {
		if len(fields) < 3 {
			continue
		}
		if id, err := strconv.Atoi(fields[2]); err == nil && id >= firstID && id <= lastID {
			found = append(found, fmt.Sprintf("%s %s (%s)", fields[0], fields[2], file))
		}
	}
	return found
}

// delegations are the ranges in subuid(5) that reach into ours.
func delegations(file string) []string {
	var found []string
	for _, fields := range colonLines(file) {
		if len(fields) != 3 {
			continue
		}
		first, err1 := strconv.Atoi(fields[1])
		count, err2 := strconv.Atoi(fields[2])
		if err1 == nil && err2 == nil && first <= lastID && first+count > firstID {
			found = append(found, fmt.Sprintf("%s %d to %d (%s)", fields[0], first, first+count-1, file))
		}
	}
	return found
}

// colonLines splits the lines of a file; a file that is missing has none.
func colonLines(file string) [][]string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	var all [][]string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		all = append(all, strings.Split(lines.Text(), ":"))
	}
	return all
}
