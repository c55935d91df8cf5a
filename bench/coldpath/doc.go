// Command coldpath shows where the time of a cold start goes: which system calls the
// host, the sandbox's init and the program make between the moment a sandbox is asked
// for and the program's first answer, and how long the kernel takes for them.
//
//	go run ./bench/coldpath
//
// The kernel's own tracer writes it down (tracefs, in an instance of its own:
// raw_syscalls). That costs about a microsecond for each call and makes the whole slower; what
// counts is where the time goes. Calls that wait for somebody else (poll, futex,
// nanosleep, epoll) are left out: the time is that of the one who is waited for.
package main
