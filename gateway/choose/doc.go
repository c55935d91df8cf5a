// Package choose decides which invoker an event goes to. It is a pure room: it has no
// clock, no lock and no connection; what the invokers publish and what becomes of events
// is told to it together with the time. The gateway and the simulator (bench/simulate)
// drive the same code.
//
// # The model
//
// Invokers publish their state when something changes and once a second. Between two
// states of an invoker, the [Table] corrects the last one by what it sent there and got
// back since: an event that is on its way has a slot, although the invoker has not said
// so yet. Other gateways' events are seen with the next state only.
//
// # Invariants
//
//   - Every [Choice] counts on its invoker until [Table.Done] is called with it, also when
//     the invoker is forgotten meanwhile.
//   - An invoker that drains, or says nothing for [StaleAfter], is not chosen.
package choose
