// Package cgroup limits, counts, freezes, swaps out and kills the processes of a sandbox
// through the kernel's control groups, version 1, version 2, or both at once.
//
// # Model
//
// A [System] is what this machine has mounted: for each controller (memory, cpu,
// cpuacct, pids, freezer) the hierarchy that holds it. A [Group] is one name in all of those
// hierarchies: "slipway-1f2e3d4c/api-7" is a folder of that path in each of them.
// Every server keeps its groups below one parent of its own, so that what a dead
// server left is found again by name ([System.List]).
//
//	v1      /sys/fs/cgroup/<controller>/<parent>/<name>   one folder per controller
//	v2      /sys/fs/cgroup/<parent>/<name>                one folder
//	hybrid  controllers as in v1, and a v2 hierarchy without controllers
//
// Where a v2 hierarchy exists, also in a hybrid, it does what needs no controller:
// freezing, killing and counting cpu time. It does them better: a process that is
// frozen by v2 can be killed, one that is frozen by v1 dies only when it is thawed.
//
// # Invariants
//
//   - A limit that this machine cannot enforce is an error, never ignored. The Systems of
//     ordinary users, [Delegated] and [None], leave out what they cannot do, and say what
//     that is ([System.Abilities]).
//   - The memory limit includes swap where the kernel can count it. What Reclaim moved
//     to swap is counted apart in v2 as long as it is there.
//   - New never takes over a group that exists; Remove never fails because the group
//     is gone already.
//
// Sources: the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst, and
// Documentation/accounting/psi.rst. Its users are internal/sandbox, and cmd/slipway for
// what concerns the machine.
package cgroup
