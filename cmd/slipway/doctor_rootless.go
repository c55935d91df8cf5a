package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/userns"
)

// examineAsRoot runs the doctor as root of a user namespace, when an ordinary user runs
// it. On a machine that has none for ordinary users it is run as it is, and says so.
func examineAsRoot(cmd *cobra.Command) error {
	err := asRoot(cmd, func() error { return runDoctor(cmd) })
	if errors.Is(err, userns.ErrNotAllowed) {
		return runDoctor(cmd)
	}
	return err
}

// rootlessChecks are the checks for an ordinary user.
func (d *doctor) rootlessChecks() []check {
	return []check{
		{name: "user", try: d.checkOrdinaryUser},
		{name: "kernel", try: checkKernel},
		{name: "mount api", try: checkMountAPI},
		{name: "user namespaces", try: d.checkUserNamespaces},
		{name: "ids", try: d.checkLack("ids")},
		{name: "overlay", try: d.checkOverlay},
		{name: "idmapped mounts", try: checkNoIDMappedMounts},
		{name: "seccomp", try: checkSeccomp},
		{name: "cgroups", try: d.checkDelegated},
		{name: "pressure", try: checkPressure},
		{name: "egress", try: d.checkLack("egress")},
		{name: "sandbox", try: d.checkSandbox},
		{name: "data folder", try: d.checkData},
		{name: "disk space", try: d.checkSpace},
		{name: "swap", try: checkSwap},
		{name: "go", try: checkGo},
		{name: "bases", try: d.checkRootlessBases},
	}
}

func (d *doctor) checkOrdinaryUser(context.Context) finding {
	return fine("%s, an ordinary user: the server is root of a user namespace only", userns.NameOf(d.here.ids.User))
}

// checkLack reports what a server would say at its start.
func (d *doctor) checkLack(name string) func(context.Context) finding {
	return func(context.Context) finding {
		for _, l := range d.here.lacks() {
			if l.name == name {
				return warning(l.mend, "%s", l.what)
			}
		}
		return fine("nothing is missing")
	}
}

func checkNoIDMappedMounts(context.Context) finding {
	return fine("for root only, and not needed: layers are unpacked with the ids that instances have")
}

// checkDelegated makes a group below the one that the user was given.
func (d *doctor) checkDelegated(ctx context.Context) finding {
	if d.here.ungrouped == nil {
		if err := tryGroup(ctx, d.here.groups, d.name); err != nil {
			return warning("", "none can be made below the one of this process: %v", err)
		}
	}
	if f := d.checkLack("cgroups")(ctx); f.State != stateOK {
		return f
	}
	return fine("%s: cpu, memory and processes can be limited", d.here.groups)
}

// checkRootlessBases knows what tools need that make bases of packages.
func (d *doctor) checkRootlessBases(ctx context.Context) finding {
	if d.here.ids.Count == 1 {
		return warning("mend ids above, or name images in a registry that can be reached with --python-base and --node-base",
			"none can be made of Debian packages with one user id: bases for Python and Node come from a registry only")
	}
	return checkBases(ctx)
}

// tryGroup makes a group with each limit an instance has, and removes it.
func tryGroup(ctx context.Context, system *cgroup.System, name string) error {
	group, err := system.New(name+"/trial", cgroup.Limits{CPU: 0.5, Memory: 64 << 20, PIDs: 32})
	if err == nil {
		err = group.Remove(ctx)
	}
	return errors.Join(err, system.Open(name).Remove(ctx))
}

// nobody is the user that has nothing, on most machines.
const nobody = 65534

// checkOrdinaryUsers runs the doctor as somebody who is not root, and reports whether
// such a user's server can make instances.
func checkOrdinaryUsers(ctx context.Context) finding {
	r, err := examineAs(ctx, nobody)
	if err != nil {
		return warning("", "whether their servers can make instances was not found out: %v", err)
	}
	var wrong []string
	mend := ""
	for _, c := range r.Checks {
		if c.State == stateFail && (c.Name == "user namespaces" || c.Name == "mount api" || c.Name == "overlay") {
			wrong = append(wrong, c.Name+": "+c.Found)
			mend = c.Mend
		}
	}
	if len(wrong) > 0 {
		return warning(mend, "their servers cannot make instances: %s", strings.Join(wrong, "; "))
	}
	return fine("they can serve without root, in user namespaces, and lay overlays there; 'slipway doctor' says to each what is less")
}

// examineAs is the report of a doctor that another user runs.
func examineAs(ctx context.Context, uid uint32) (report, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "doctor", "-o", "json", "--data", os.TempDir())
	cmd.Args[0] = "slipway"
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	var r report
	if json.Unmarshal(out, &r) == nil && len(r.Checks) > 0 {
		return r, nil // its exit status is 1 when something is missing
	}
	return report{}, fmt.Errorf("%w: %s", errors.Join(err, errNoReport), strings.TrimSpace(complaints.String()))
}

var errNoReport = errors.New("there is no report")
