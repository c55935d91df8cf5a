package guest

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Identity is who a process runs as.
type Identity struct {
	UID, GID int
	Groups   []int  // supplementary
	Home     string // "/" when it is not known
}

// LookUp finds a user[:group] of names or numbers in an image, as docker run --user
// does. open opens a file of the image; one that is missing is empty. A number need
// not be in the image, a name must be.
func LookUp(user string, open func(name string) (io.ReadCloser, error)) (Identity, error) {
	name, group, hasGroup := strings.Cut(user, ":")
	if name == "" {
		name = "0"
	}
	id, login, err := lookUpUser(name, open)
	if err != nil {
		return Identity{}, err
	}
	if hasGroup && group != "" {
		id.GID, err = lookUpGroup(group, open)
		return id, err
	}
	id.Groups = groupsOf(login, open)
	return id, nil
}

// lookUpUser reads passwd(5): name:password:UID:GID:comment:home:shell.
func lookUpUser(name string, open opener) (id Identity, login string, err error) {
	number, isNumber := parseID(name)
	for f := range records(open, "/etc/passwd", 6) {
		uid, ok1 := parseID(f[2])
		gid, ok2 := parseID(f[3])
		if !ok1 || !ok2 || (f[0] != name && !(isNumber && uid == number)) {
			continue
		}
		home := f[5]
		if home == "" {
			home = "/"
		}
		return Identity{UID: uid, GID: gid, Home: home}, f[0], nil
	}
	if !isNumber {
		return Identity{}, "", fmt.Errorf("no user %q in the image's /etc/passwd: name one that is there, or a number from 0 to 65535", name)
	}
	return Identity{UID: number, Home: "/"}, "", nil
}

// lookUpGroup reads group(5): name:password:GID:members.
func lookUpGroup(name string, open opener) (int, error) {
	if n, ok := parseID(name); ok {
		return n, nil
	}
	for f := range records(open, "/etc/group", 3) {
		if gid, ok := parseID(f[2]); ok && f[0] == name {
			return gid, nil
		}
	}
	return 0, fmt.Errorf("no group %q in the image's /etc/group: name one that is there, or a number from 0 to 65535", name)
}

func groupsOf(login string, open opener) []int {
	var groups []int
	if login == "" {
		return nil
	}
	for f := range records(open, "/etc/group", 4) {
		for member := range strings.SplitSeq(f[3], ",") {
			if gid, ok := parseID(f[2]); ok && strings.TrimSpace(member) == login {
				groups = append(groups, gid)
			}
		}
	}
	return groups
}

type opener = func(name string) (io.ReadCloser, error)

// maxRecords bounds what is read of a file that an image brings.
const maxRecords = 1 << 20

// records yields the lines of a file that have at least n fields between colons.
func records(open opener, name string, n int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		f, err := open(name)
		if err != nil {
			return
		}
		defer f.Close()
		lines := bufio.NewScanner(io.LimitReader(f, maxRecords))
		for lines.Scan() {
			if fields := strings.Split(lines.Text(), ":"); len(fields) >= n && !yield(fields) {
				return
			}
		}
	}
}

// parseID takes the numbers that a sandbox has: its range is 16 bits wide.
func parseID(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil
}
