// Package zram gives the machine compressed swap for a while: tests and benchmarks show
// with it what happens when an instance's memory is reclaimed. The server never uses it;
// which swap a machine has is its administrator's choice.
//
// Every user gets a device of its own from the kernel's zram module
// (Documentation/admin-guide/blockdev/zram.rst). One process of the machine has one at a
// time, the others wait: what one switches off comes back to memory, wherever it is from.
// A small shell takes everything away again, also when the process is killed.
package zram
