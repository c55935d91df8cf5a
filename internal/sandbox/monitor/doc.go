// Package monitor is what runs beside a sandbox whose process an OCI runtime executes: a
// process of ours, one for each such sandbox, that stands between the server and the
// runtime's command line.
//
// An OCI runtime makes a container with a command, "create", that ends and leaves the
// container's process behind. Whose child that is then, and so who learns how it ended,
// is decided by PR_SET_CHILD_SUBREAPER (prctl(2)), which is a property of a whole
// process: a server that set it would inherit the orphans of everything else it starts.
// So the monitor sets it. It also has a mount namespace of its own: what the runtime is
// to find below a path is attached there, and is in no table of the host.
//
// # The protocol
//
// The monitor is this program executed again; its arguments are paths. Its file 3 is a
// SOCK_SEQPACKET socket to the host, the files after it are detached mounts, one for each
// path. A message is JSON, files travel with it by SCM_RIGHTS.
//
//	host                                    monitor
//	 │── start, mounts ────────────────────→│ attach the mounts
//	 │←───────────────────────────── Reply ─│
//	 ┆                                      ┆
//	 │── Request "create" + streams ───────→│ run it, read the pid it wrote down
//	 │←───────────────────── Reply + pidfd ─│
//	 │ limits                               │
//	 │── Request "start" ──────────────────→│ run it
//	 │←───────────────────────────── Reply ─│
//	 │                                      │ wait for the process
//	 │←──────────────────── Reply (Ended) ──│ exit
//
// The process is waited for only after the host has its pidfd, so that its number cannot
// become another's before. When the host's end is closed, for whatever reason, the
// monitor kills what it has and exits.
package monitor
