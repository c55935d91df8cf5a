// Package choose decides which invoker an event goes to. It is a pure room: it has no
// clock, no lock and no connection; what the invokers publish and what becomes of events
// is told to it together with the time, and chance comes from a source it is given. The
// gateway and the simulator (bench/simulate) drive the same code.
//
// # The model
//
// Invokers publish their state when something changes and once a second. Between two
// states of an invoker, the [Table] corrects the last one by what it sent there and got
// back since: an event that is on its way has a slot, although the invoker has not said
// so yet. Other gateways' events are seen with the next state only.
//
// A place is one version on one invoker. Every function ranks the invokers in an order of
// its own (rendezvous hashing), the same for all its versions and in every gateway, and an
// event goes to
//
//  1. the first in rank that has a free slot of an instance that is not frozen,
//  2. the first in rank that has a free slot,
//  3. where another instance can start, if the version may have one: of two invokers with
//     room that follow the function's name on a hash ring, the one with more,
//  4. of a few places, the one with fewest events for each instance.
//
// First in rank rather than emptiest: load concentrates on as few instances as carry it,
// and the others grow old and go, as in the stack of each pool. Two invokers rather than
// one: a name keeps to the invokers that have its image, and no invoker fills up while
// its neighbour is empty (the power of two choices).
//
// # What it costs
//
// A choice looks at a constant number of invokers, whatever their number is: each version
// has lists of its places with free slots, ordered by rank, that are kept up to date as
// events and states come.
//
// # Invariants
//
//   - Every [Choice] counts on its invoker until [Table.Done] is called with it, also when
//     the invoker is forgotten meanwhile.
//   - An invoker that drains, or says nothing for [StaleAfter], is not chosen.
//   - A place is in the list of the awake, of the frozen or in none, as its free slots say.
package choose
