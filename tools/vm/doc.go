// Command vm runs tests in a virtual machine of its own that has control groups of
// version 2 only and an older kernel than most machines: Debian's, under qemu. It needs
// no root, and emulates the processor unless told otherwise.
//
// # How it goes
//
// The kernel comes out of Debian's or Ubuntu's package, which is fetched and read, not
// installed (kernel.go). An initial file system in memory holds a program of ours and
// the modules the kernel needs (modules.go, cpio.go); a disk holds the programs to run,
// built here, and a list of them (programs.go, disk.go). The program, in folder init, is
// the first process of the machine: it enters the disk, runs what is on the list, says
// on the serial console how it went and turns the machine off. The last line that begins
// with "slipway-vm:" is the result (qemu.go).
//
// What was fetched is kept in the work folder, bin/vm, and used again.
package main
