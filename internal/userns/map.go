package userns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
)

// The programs of package uidmap, and the files that say who may map what.
const (
	uidTool, uidFile = "newuidmap", "/etc/subuid"
	gidTool, gidFile = "newgidmap", "/etc/subgid"
)

// mapRanges makes id 0 of the process's namespace the user, and the ids from 1 on the
// user's ranges. When it fails nothing is mapped, unless it fails between users and
// groups; then mapOne fails, too.
func mapRanges(pid int) error {
	uids, gids, err := rangesOfUser()
	if err != nil {
		return err
	}
	for _, tool := range []string{uidTool, gidTool} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not installed (package uidmap)", tool)
		}
	}
	if err := runTool(uidTool, pid, os.Getuid(), uids); err != nil {
		return err
	}
	return runTool(gidTool, pid, os.Getgid(), gids)
}

// rangesOfUser are those of the user who runs this process.
func rangesOfUser() (uids, gids []Range, err error) {
	uid, name := os.Getuid(), ""
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil { // a user need not have a name
		name = u.Username
	}
	if uids, err = Ranges(uidFile, uid, name); err != nil {
		return nil, nil, err
	}
	if gids, err = Ranges(gidFile, uid, name); err != nil {
		return nil, nil, err
	}
	switch who := orNumber(name, uid); {
	case len(uids) == 0:
		return nil, nil, fmt.Errorf("%s has no line for %s", uidFile, who)
	case len(gids) == 0:
		return nil, nil, fmt.Errorf("%s has no line for %s", gidFile, who)
	}
	return uids, gids, nil
}

func orNumber(name string, uid int) string {
	if name == "" {
		return strconv.Itoa(uid)
	}
	return name
}

// runTool runs newuidmap(1) or newgidmap(1), which may do what an ordinary user may not.
func runTool(tool string, pid, own int, ranges []Range) error {
	args := []string{strconv.Itoa(pid), "0", strconv.Itoa(own), "1"}
	inside := 1
	for _, r := range ranges {
		args = append(args, strconv.Itoa(inside), strconv.Itoa(r.First), strconv.Itoa(r.Count))
		inside += r.Count
	}
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", tool, err, bytes.TrimSpace(out))
	}
	return nil
}

// mapOne makes id 0 the user, which everyone may do, at the price of the choice of
// groups: a group may also be there to keep somebody out.
func mapOne(pid int) error {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "setgroups"), []byte("deny"), 0),
		os.WriteFile(filepath.Join(dir, "uid_map"), fmt.Appendf(nil, "0 %d 1", os.Getuid()), 0),
		os.WriteFile(filepath.Join(dir, "gid_map"), fmt.Appendf(nil, "0 %d 1", os.Getgid()), 0))
}
