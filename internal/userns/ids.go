package userns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// IDs are the user and group ids of a namespace.
type IDs struct {
	// Machine says that they are the machine's own: this is no namespace below it.
	Machine bool
	// User is who id 0 is outside of the namespace.
	User int
	// Count is how many there are without a gap from 0 on, of users and of groups
	// alike.
	Count int
	// Groups says whether a process may choose its supplementary groups
	// (setgroups(2)). It may not where an ordinary user's own id is the only one.
	Groups bool
}

// Current are the ids of the namespace that this process is in.
func Current() (IDs, error) {
	users, err := readMap("/proc/self/uid_map")
	if err != nil {
		return IDs{}, err
	}
	groups, err := readMap("/proc/self/gid_map")
	if err != nil {
		return IDs{}, err
	}
	choice, err := os.ReadFile("/proc/self/setgroups")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return IDs{}, fmt.Errorf("read the ids of this user namespace: %w", err)
	}
	ids := idsOf(users, groups)
	ids.Groups = strings.TrimSpace(string(choice)) != "deny"
	return ids, nil
}

func idsOf(users, groups []extent) IDs {
	return IDs{
		Machine: isIdentity(users) && isIdentity(groups),
		User:    users[0].outside,
		Count:   min(unbroken(users), unbroken(groups)),
	}
}

// extent is a line of uid_map: ids from inside are those from outside.
type extent struct{ inside, outside, count int }

// every is how many ids there are: -1 is none (user_namespaces(7)).
const every = 1<<32 - 1

func isIdentity(m []extent) bool { return len(m) == 1 && m[0] == extent{0, 0, every} }

// unbroken counts the ids from 0 on.
func unbroken(m []extent) int {
	next := 0
	for _, e := range m {
		if e.inside != next {
			break
		}
		next += e.count
	}
	return next
}

func readMap(file string) ([]extent, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the ids of this user namespace: %w", err)
	}
	defer f.Close()
	m, err := parseMap(f)
	if err != nil {
		return nil, fmt.Errorf("read the ids of this user namespace: %s: %w", file, err)
	}
	return m, nil
}

func parseMap(r io.Reader) ([]extent, error) {
	var m []extent
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var e extent
		if _, err := fmt.Sscan(lines.Text(), &e.inside, &e.outside, &e.count); err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		m = append(m, e)
	}
	if len(m) == 0 {
		return nil, errors.New("there are none")
	}
	slices.SortFunc(m, func(a, b extent) int { return a.inside - b.inside })
	return m, nil
}
