package userns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// mapIDs maps what the user has. Ranges that cannot be used after all, as where setuid
// programs have no effect, are a complaint.
func mapIDs(pid int, complaints io.Writer) error {
	uids, gids, err := RangesOf(os.Getuid())
	if err != nil {
		return mapOne(pid)
	}
	if err = mapRanges(pid, uids, gids); err == nil {
		return nil
	}
	if one := mapOne(pid); one != nil { // or newuidmap had done its part
		return errors.Join(err, one)
	}
	fmt.Fprintf(complaints, "slipway: instances have one user id: %v\n", err)
	return nil
}

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
