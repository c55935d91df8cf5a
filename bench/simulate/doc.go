// Command simulate compares ways to keep instances warm and to choose invokers, in a
// simulation: what Slipway does (package pool/ledger on every invoker, package
// gateway/choose in every gateway, the very code) against fixed keep-alives, the hybrid
// histogram policy of "Serverless in the Wild", Knative's autoscaler, and random, least
// loaded and hashed routing.
//
//	go run ./bench/simulate
//	go run ./bench/simulate -functions 20000 -invokers 2000
//	go run ./bench/simulate -trace folder/of/azurefunctions-dataset2019 -days 2
//
// The arrivals come from a trace in one of the public formats of the Azure Functions
// traces (package trace), or are generated with the distributions published about them.
// All policies meet the same invocations, machines and times (package sim).
//
// Three studies are made: how many invocations are cold at which memory, with machines
// that are large enough; the same with machines that are not; and how invokers are
// chosen. A fourth, scale, is made when it is asked for. docs/reference/simulation.md
// explains them and shows the results.
package main
