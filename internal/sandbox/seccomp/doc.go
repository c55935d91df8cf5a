// Package seccomp assembles a seccomp profile, as the OCI runtime specification
// writes it, to the BPF program that the kernel runs at every system call
// (seccomp(2), Documentation/userspace-api/seccomp_filter.rst).
//
// # Model
//
// [Profile] is the field's usual default profile for a given set of capabilities;
// [Assemble] turns a profile into a program for the architecture this binary was
// built for. Profiles name system calls; tables made from golang.org/x/sys give
// their numbers (go generate). The numbers are cut into runs that have the same
// verdict, and the program walks the runs from low to high; a call whose arguments
// matter is a run of its own.
//
// # Invariants
//
//   - A program that uses another ABI of the same machine (32 bit code, x32) is not
//     looked at: the first is killed, the second told ENOSYS. One table cannot speak
//     for two ABIs, and the second door is where profiles leak.
//   - A call that is newer than every call of the profile is ENOSYS, so that a C
//     library falls back to the older call; other calls get the profile's default.
//   - An argument that the kernel takes as 32 bits is compared in 32 bits: a number
//     with bits above them cannot pass a comparison as something else.
package seccomp

//go:generate go run ./gen
