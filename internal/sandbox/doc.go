// Package sandbox is the native runtime: it makes [slipway.Sandbox]es out of the
// kernel's namespaces, control groups, overlay, idmapped mounts and seccomp, without
// another program.
//
// # Model
//
// A shell is a blank sandbox: namespaces, a control group, and an init that waits on a
// socket. Nothing in it depends on what will run, so it can be made before anyone asks
// for it. A [Sandbox] is a shell that was handed a root filesystem and a process; Start
// makes the init execute that process, and nothing of ours remains inside.
//
// The init is this program, executed again ([Init]); what it does is in package guest.
// It is root in a user namespace with 65536 ids of its own, which are nobody's on the
// host. All filesystems are made by the host and handed over as detached mounts:
//
//	root   overlay: the layers, idmapped and read-only, below a folder of scratch
//	/dev, /dev/shm   folders of scratch, a tmpfs whose size is the ephemeral limit
//	mounts of the spec   clones of host folders, idmapped
//
// # The protocol
//
// One stream socket, messages of package guest, files by SCM_RIGHTS:
//
//	host                                        init (pid 1 of its namespace)
//	 │ clone3 in all namespaces, born in the     │
//	 │ v2 group; join the v1 groups              │
//	 │── Setup {masked paths, sysctls, filter} ─→│ cgroup namespace, session keyring, loopback,
//	 │                                           │ /proc, /sys, masks, devpts
//	 │←───────────────────────────────── Reply ──│                              a shell
//	 │ ids mapped, overlay, egress, limits       │
//	 │── Root {process, mounts} + files ────────→│ attach, pivot_root, detach the host's tree,
//	 │                                           │ mounts of the spec, host name, folder
//	 │←───────────────────────────────── Reply ──│                         Create returns
//	 │── Start + standard streams ──────────────→│ user, limits, capabilities, no_new_privs
//	 │←───────────────────────────────── Reply ──│ seccomp, execve
//	 │←───────────────────────── end of stream ──│                          Start returns
//	 │                                           ▼ the user's program
//
// Every Reply can be a Failure, which names the step: "mount /proc: permission denied".
// An end of stream in any other place means that the init died. When the host's end is
// closed the init exits; when the host dies the kernel kills it (PR_SET_PDEATHSIG).
//
// # Invariants
//
//   - A sandbox is in no table of the host but those of processes and control groups:
//     mounts are detached, network namespaces have no name. So a dead owner's sandboxes
//     are found by the name of their groups alone, and Recover removes them.
//   - No path that an image decides is followed by the host, except with openat2(2) and
//     RESOLVE_IN_ROOT.
//   - A process is held by its pidfd, never by its number.
//   - No goroutine runs in another network namespace than the host's.
//   - On an error of Create nothing is left.
//
// # Kernels
//
// Linux 5.19 is needed (overlays over idmapped layers), and a filesystem below the
// layers that can be idmapped: ext4, xfs, btrfs, from Linux 6.3 tmpfs. From Linux 6.15
// an overlay is made of parts that are attached nowhere. Before, a thread with a mount
// namespace of its own attaches the parts there for a moment and takes the overlay out
// as a detached mount: it costs some tens of microseconds, and what follows is the
// same. New finds out which it is by trying.
//
// Neighbours: internal/cgroup limits and counts, whoever wires the server gives an
// [Egress], sandboxtest is the suite that this and every other Launcher passes.
package sandbox
