package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/userns"
	"github.com/slipway-run/slipway/packager"
)

// asRoot calls f in a process that is root: of the machine when it is so already, else in
// a copy of this process, as root of a user namespace; this one waits for it then.
func asRoot(cmd *cobra.Command, f func() error) error {
	if os.Geteuid() == 0 {
		return f()
	}
	streams := userns.Streams{In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr()}
	status, err := userns.Run(os.Args[1:], streams)
	if err != nil {
		return slipway.Errorf(slipway.ErrUnavailable, "run without root: %w; 'slipway doctor' says how to mend it, or run it as root", err)
	}
	return exitStatus(status)
}

// exitStatus is that of a process which has said itself what there was to say.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// machineRoot says whether this process is root of the machine, and not of a user
// namespace only.
func machineRoot() bool {
	ids, err := userns.Current()
	return os.Geteuid() == 0 && err == nil && ids.Machine
}

// standing is what root of a user namespace has; nil is root of the machine, or nobody in
// particular.
type standing struct {
	ids       userns.IDs
	groups    *cgroup.System
	ungrouped error // why there are no control groups
}

// stand finds it out. This process may move to another control group.
func stand() (*standing, error) {
	ids, err := userns.Current()
	if err != nil || ids.Machine || os.Geteuid() != 0 {
		return nil, err
	}
	s := &standing{ids: ids}
	s.groups, s.ungrouped = cgroup.Delegated()
	return s, nil
}

// rootless is the standing as the runtime of sandboxes takes it.
func (s *standing) rootless() *sandbox.Rootless {
	if s == nil {
		return nil
	}
	return &sandbox.Rootless{IDs: s.ids.Count, Groups: s.ids.Groups, Cgroups: s.groups}
}

// owners are those of unpacked layers.
func (s *standing) owners() *packager.Owners {
	if s == nil {
		return nil
	}
	first, count := s.rootless().Sandboxes()
	return &packager.Owners{First: first, Count: count}
}

// lack is something that root of the machine could do.
type lack struct {
	name string // of the doctor's check
	what string // one plain sentence
	mend string
}

// lacks is empty for root of the machine.
func (s *standing) lacks() []lack {
	if s == nil {
		return nil
	}
	return append(s.lacksOfGroups(), s.lackOfIDs(), lack{
		"egress",
		"instances and builds cannot reach the outside: network: egress gives them no more than a loopback, and modules and packages must come with the source (vendor, node_modules, wheels)",
		"run it as root",
	})
}

func (s *standing) lackOfIDs() lack {
	if s.ids.Count > 1 {
		return lack{"ids", "all instances have the same user ids on this machine: they are kept apart by namespaces, but not by ids as well", "run it as root"}
	}
	what := "instances have one user id, so that programs and images that need another user do not run"
	if _, _, err := userns.RangesOf(s.ids.User); err != nil {
		what += " (" + err.Error() + ")"
	}
	return lack{"ids", what, fmt.Sprintf("apt-get install uidmap; usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s; then start it again", userns.NameOf(s.ids.User))}
}

func (s *standing) lacksOfGroups() []lack {
	const own = "start it in a control group of its own: systemd-run --user --scope -p Delegate=yes slipway serve"
	if s.ungrouped != nil {
		return []lack{{
			"cgroups",
			"memory and cpu of instances are not limited, idle ones and jobs cannot be frozen, and one that the kernel ends for want of memory looks killed, because " + s.ungrouped.Error(),
			own,
		}}
	}
	can := s.groups.Abilities()
	var missing []string
	for _, c := range []struct {
		name string
		has  bool
	}{{"memory", can.Memory}, {"cpu", can.CPU}, {"pids", can.PIDs}} {
		if !c.has {
			missing = append(missing, c.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []lack{{
		"cgroups",
		fmt.Sprintf("instances are not limited in %s: this user's control group was not given that", strings.Join(missing, " and ")),
		"let systemd give its users all controllers (Delegate=cpu memory pids in /etc/systemd/system/user@.service.d/delegate.conf); control groups of version 1 cannot be given to users",
	}}
}
