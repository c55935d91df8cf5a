// Package metrics counts what happens to events, and shows it and what others count in the
// text format of Prometheus.
//
// A [Meter] is one function's counters. The gateway finds it with the function's route, and
// to count is a few atomic additions: no lock, no allocation, and nothing of Prometheus,
// whose library is met only when somebody reads. Its one door is here.
//
//	event path --- Meter (atomics) --+
//	engines ------ Source -----------+--> Set --> GET /metrics
//	Go, process, build --------------+
//
// # What it promises
//
//   - A function error and a platform error are never one number.
//   - The series are bounded: a function has a fixed number of them, one that is deleted has
//     none, and of more than [MaxFunctions] functions the rest are one, named by [Others].
//   - Names, units and suffixes follow https://prometheus.io/docs/practices/naming/.
package metrics
