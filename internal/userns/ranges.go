package userns

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
)

// The programs of package uidmap, and the files that say who may map what.
const (
	uidTool, uidFile = "newuidmap", "/etc/subuid"
	gidTool, gidFile = "newgidmap", "/etc/subgid"
)

// Range is ids of the machine that a user may use besides its own.
type Range struct{ First, Count int }

// Ranges reads subuid(5) or subgid(5): who may be a name or a number.
func Ranges(file string, uid int, name string) ([]Range, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var ranges []Range
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) != 3 || fields[0] != strconv.Itoa(uid) && fields[0] != name {
			continue
		}
		first, err1 := strconv.Atoi(fields[1])
		count, err2 := strconv.Atoi(fields[2])
		if err1 == nil && err2 == nil && first > 0 && count > 0 {
			ranges = append(ranges, Range{first, count})
		}
	}
	return ranges, nil
}

// RangesOf are the user and group ids that a user may use besides its own: none
// without an error, which says what is missing.
func RangesOf(uid int) (uids, gids []Range, err error) {
	name := NameOf(uid)
	if uids, err = Ranges(uidFile, uid, name); err != nil {
		return nil, nil, err
	}
	if gids, err = Ranges(gidFile, uid, name); err != nil {
		return nil, nil, err
	}
	switch {
	case len(uids) == 0:
		return nil, nil, fmt.Errorf("%s has no line for %s", uidFile, name)
	case len(gids) == 0:
		return nil, nil, fmt.Errorf("%s has no line for %s", gidFile, name)
	}
	for _, tool := range []string{uidTool, gidTool} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, nil, fmt.Errorf("%s is not installed", tool)
		}
	}
	return uids, gids, nil
}

// NameOf is the user's name, or number: not every user has a name.
func NameOf(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid)
	}
	return u.Username
}
