// Package trace holds arrivals of invocations: which function, when, for how long. It
// reads and writes the two public formats of the Azure Functions traces and generates
// traces of the same form.
//
// # Formats
//
// The trace of 2019 ("Serverless in the Wild", USENIX ATC 2020) is three files for each
// day: invocations per minute and function, percentiles of each function's execution
// time, and percentiles of each application's memory. The trace of 2021 ("Faster and
// Cheaper Serverless Computing on Harvested Resources", SOSP 2021) is one file with a
// line for each invocation. Both are published by Microsoft at
// https://github.com/Azure/AzurePublicDataset under CC-BY.
//
// # From minutes to moments
//
// The trace of 2019 says how many invocations a minute has, not when they are. They are
// placed so:
//
//   - a timer's n invocations at every n-th part of the minute, from a moment of the
//     function's own within the minute's first second, as cron does
//   - all others at moments that are uniform within the minute, and so, given the count,
//     those of a Poisson process
//
// How long one runs is drawn from the function's percentiles, linear between them. Both
// follow from the seed, the function and the minute alone: every policy that is compared
// meets the same invocations.
package trace
