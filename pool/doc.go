// Package pool keeps instances warm: it decides who gets which, when one is started
// and when one is stopped. It knows nothing of sandboxes or protocols; a [Starter]
// makes instances, and the holder of a lease talks to them.
//
// # The model
//
// Per version there are members (instances that start, are ready, or are closing) and
// waiters. A ready member has as many slots as scaling.concurrency says. Members with
// a free slot form a stack: the one used last is given first, so that the others grow
// old and can go. Waiters are served in their order by whichever slot is free first,
// of an old member or a new one: nobody waits for a particular start (late binding).
//
// A start happens when waiting is expected to cost more than starting, the version has
// fewer members than min(scaling.max, the caller's limit), and the machine has room: the
// memory of its configuration is promised to a member from its start until it is closed.
// Without room, the idle instances of other versions that are least worth keeping are
// closed first; without those, room goes to the function with the smallest share.
//
// An idle member is frozen after a while, its memory goes to swap after another, and it is
// closed when the gaps between the function's events say that it is not worth keeping.
// docs/reference/scaling.md tells all this to users.
//
// Some members are kept ahead of any event: [Pool.Keep] says how many of which version.
// They start without a waiter, do not go when they are idle, make no room for others
// unless they are on standby, and are made up for when one ends.
//
// Jobs have what functions leave: [Pool.Borrow] lends them memory that no function waits
// for. When a function needs it and idle instances are not enough, loans that may be
// recalled are, those of the lowest priority first.
//
// # The parts
//
// Package ledger is the state and every decision. [Pool] is the shell around it: the
// lock, the clock, the goroutines that start, freeze, thaw and close. A simulator drives
// the same ledger.
//
// # The invariants
//
//   - A version never has more members than its bound, closing ones included, and the
//     memory that is promised or lent never exceeds the machine's.
//   - A slot is held by one lease, and comes back exactly once, also when the one who
//     waited for it went away at the moment of the grant.
//   - A waiter is served, refused with a reason, or gone by itself. It is refused at once
//     when nothing can ever serve it, and after Config.MaxWait unless a start is under way
//     for it.
//   - After Drain every instance that was ever started is closed.
package pool
