package userns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// mapRanges makes id 0 of the process's namespace the user, and the ids from 1 on the
// user's ranges, by newuidmap(1) and newgidmap(1), which may do what the user may not.
func mapRanges(pid int, uids, gids []Range) error {
	if err := runTool(uidTool, pid, os.Getuid(), uids); err != nil {
		return err
	}
	return runTool(gidTool, pid, os.Getgid(), gids)
}

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
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "setgroups"), []byte("deny"), 0),
		os.WriteFile(filepath.Join(dir, "uid_map"), fmt.Appendf(nil, "0 %d 1", os.Getuid()), 0),
		os.WriteFile(filepath.Join(dir, "gid_map"), fmt.Appendf(nil, "0 %d 1", os.Getgid()), 0))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	return nil
}
