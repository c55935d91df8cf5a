// Package sandbox is the native runtime: it makes [slipway.Sandbox]es out of the
// kernel's namespaces, control groups, overlay, idmapped mounts and seccomp, without
// another program. What an OCI runtime executes in its place ([OCI]) is made of the same.
//
// # Model
//
// A shell is a blank sandbox: namespaces, a control group, a loopback, perhaps a link to
// the outside, and an init that waits on a socket. Nothing in it depends on what will
// run, so some are kept in stock (shells.go). A [Sandbox] is a shell that was handed a
// root filesystem and a process; Start makes the init execute that process, and nothing
// of ours remains inside.
//
// The init is no program. It is some hundred instructions that execute system calls,
// written down one after the other by the host (package guest), in a copy of a small
// process, the spawner, which is this program executed once more ([Init]). So a shell
// costs no start of a program and no memory to speak of, and what happens in it is
// decided, named and tested on the host. It is root in a user namespace with 65536 ids
// of its own, which are nobody's on the host.
//
// All filesystems but /proc, /sys and /dev/pts, which show the namespaces they are made
// in, are made by the host and handed over as detached mounts:
//
//	root   overlay: the layers, idmapped and read-only, below a folder of scratch,
//	       a tmpfs or a disk whose size is the ephemeral limit
//	/dev, /dev/shm   folders of a tmpfs of that size: the same one, unless there is a disk
//	mounts of the spec   clones of host folders, idmapped
//
// # The protocol
//
// One stream socket; programs of package guest go in, with files by SCM_RIGHTS, a Reply
// comes back for each:
//
//	host                     spawner              init (pid 1 of its namespace)
//	 │── socket, v2 group ──────→│── clone3 in all ────→│ a child of the host's (CLONE_PARENT),
//	 │←─────────────────── pid ──│   namespaces         │ born in the v2 group
//	 │ map ids                                          │
//	 │── Setup + v1 groups ────────────────────────────→│ root of its namespace, joins the groups,
//	 │                                                  │ cgroup namespace,
//	 │                                                  │ session keyring, loopback, /proc, /sys,
//	 │ scratch, egress                                  │ masks, the host's tree detached, devpts
//	 │←──────────────────────────────────────── Reply ──│                            a shell
//	 ┆                                                  ┆
//	 │ limits, overlay                                  │
//	 │── Root + root, dev, shm, mounts ────────────────→│ attach, cover the root, mounts of the spec,
//	 │                                                  │ host name, folder
//	 │── Seal ─────────────────────────────────────────→│
//	 │←──────────────────────────────────────── Reply ──│                     Create returns
//	 │ look the user up in the image                    │ no_new_privs, seccomp
//	 │←──────────────────────────────────────── Reply ──│
//	 │── Start + standard streams ─────────────────────→│ streams, limits, user, capabilities
//	 │←──────────────────────────────────────── Reply ──│ execve
//	 │←──────────────────────────────── end of stream ──│                      Start returns
//	 │                                                  ▼ the user's program
//
// A Reply is the number of a call and an errno. The host knows the call's name, and so
// every failure names its step: "mount /proc: permission denied". An end of stream in
// any other place means that the init died. When the host's end is closed the init
// exits; when the host dies the kernel kills it (PR_SET_PDEATHSIG).
//
// # The stock
//
// Shells with a link and those without are kept apart, at least two of each that can be
// asked for. A sandbox that finds none waits for one of its own, and the stock becomes
// larger by one; what nobody needed for a while makes it smaller again. It is filled a
// few milliseconds after something was taken: a program that starts comes first. A
// shell that was killed is replaced. When ids or addresses run out the stock gives its
// own up.
//
// # Without root
//
// All that depends on what this process may do on its machine is behind one interface,
// privileges. Root of a user namespace only ([Rootless]) makes the same shells and hands
// them the same roots; its sandboxes share a range of ids, because its mounts cannot map
// owners, so that layers belong to that range already; their devices are mounts of the
// host's, because none can be made; and its control groups are those that it was given,
// perhaps none: then a sandbox ends with the first process of its pid namespace, and what
// it used is read from the table of processes.
//
// # Other runtimes
//
// For the isolation "oci:<runtime>" the init of a shell is ended, and a runtime such as
// runc makes a container out of the rest: root, user and network namespace, control
// group. The files oci*.go are about that, and package monitor is about the process that
// stands between.
//
// # Invariants
//
//   - A sandbox is in no table of the host but those of processes and control groups:
//     mounts are detached, network namespaces have no name. So a dead owner's sandboxes
//     are found by the name of their groups alone, and Recover removes them; their
//     processes died with the owner. Three things are more: a link is the [Egress]'s to
//     recover, the loop device of scratch on disk ends with its mount, and the bundle of
//     another runtime's container is in a folder of the owner's name.
//   - No path that an image decides is followed by the host, except with openat2(2) and
//     RESOLVE_IN_ROOT.
//   - A process is held by its pidfd, never by its number.
//   - No goroutine runs in another network namespace than the host's. Where a thread may
//     enter a sandbox's and not return, it ends there.
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
