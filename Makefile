# Slipway. `make help` lists what there is.
GO      ?= go
RELEASE := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.release=$(RELEASE)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/slipway, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/slipway ./cmd/slipway

.PHONY: deps
deps: ## install what tests and demo need from Debian's or Ubuntu's packages
	@tools/deps.sh

.PHONY: demo
demo: deps build ## deploy and call the examples on a throw-away server (3 minutes the first time)
	@$(GO) run ./bench/demo -slipway bin/slipway

.PHONY: bench
bench: bench-cold bench-warm bench-step bench-density bench-thaw bench-jobs ## cold, warm, a step, density, thaw and jobs, side by side with the peers that are installed

.PHONY: bench-cold
bench-cold: build ## cold starts: Slipway, the plain process, runc, podman and docker
	@$(GO) run ./bench/cold -slipway bin/slipway

.PHONY: bench-coldpath
bench-coldpath: ## where the time of a cold start goes, by the kernel's tracer
	@$(GO) run ./bench/coldpath

.PHONY: bench-density
bench-density: build ## a hundred instances at once: how soon they answer, what memory each costs
	@$(GO) run ./bench/density -slipway bin/slipway

.PHONY: bench-thaw
bench-thaw: build ## from paused to the first answer: Slipway, runc, podman and docker
	@$(GO) run ./bench/thaw -slipway bin/slipway

.PHONY: bench-warm
bench-warm: build ## warm requests: Slipway, ReverseProxy, nginx and the program itself
	@$(GO) run ./bench/warm -slipway bin/slipway

.PHONY: bench-neighbours
bench-neighbours: build ## what a function notices of a hostile one beside it
	@$(GO) run ./bench/neighbours -slipway bin/slipway

.PHONY: bench-burst
bench-burst: build ## what functions and jobs on one machine notice of each other
	@$(GO) run ./bench/burst -slipway bin/slipway

.PHONY: bench-pipeline
bench-pipeline: build ## a batch pipeline on the source of Go's library, and its timeline as a picture
	@$(GO) run ./bench/pipeline -slipway bin/slipway -svg bin/pipeline.svg

.PHONY: bench-jobs
bench-jobs: build ## jobs run to the end per second: Slipway, its runner alone, runc, podman and docker
	@$(GO) run ./bench/jobs -slipway bin/slipway

.PHONY: bench-queue
bench-queue: build ## the queue of jobs alone, without sandboxes: accepted, dispatched, recorded per second
	@$(GO) run ./bench/queue -slipway bin/slipway

.PHONY: fair-share
fair-share: ## docs/reference/fair-share.svg, drawn by the scheduler's own decisions
	@$(GO) run ./bench/shares

.PHONY: bench-async
bench-async: build ## asynchronous events accepted, beside raw JetStream and HTTP alone
	@$(GO) run ./bench/async -slipway bin/slipway

.PHONY: bench-step
bench-step: build ## a step in load: from 1 to 50 events at once
	@$(GO) run ./bench/step -slipway bin/slipway

.PHONY: bench-runtime
bench-runtime: build ## the Runtime API for each event; cold handlers beside the bare interpreters
	@$(GO) run ./bench/runtime -slipway bin/slipway

.PHONY: bench-simulate
bench-simulate: ## keeping instances and choosing invokers, simulated, with other policies beside
	@$(GO) run ./bench/simulate

.PHONY: test
test: deps lint ## format, vet, staticcheck, then every test on real parts
	CI=$${CI:-true} $(GO) test -timeout 30m -p 1 ./...
	CI=$${CI:-true} $(GO) test -timeout 20m -race $(RACED)
	$(GO) -C tools test ./...
	@tools/test-sdks.sh
	@$(MAKE) --no-print-directory test-vm

.PHONY: test-vm
test-vm: ## cgroup v2 only and an older kernel: sandbox tests in a virtual machine, emulated
	@tools/deps.sh vm
	@$(GO) -C tools run ./vm

# The packages whose whole point is concurrency run once more under the race detector.
RACED = ./pool ./internal/bus ./gateway ./gateway/metrics ./trigger ./invoker/... ./async ./batch/...

.PHONY: soak
soak: deps ## 20,000 sandboxes and 100 kills of servers, and nothing is left (10 minutes)
	CI=$${CI:-true} $(GO) test -timeout 30m -count=1 -v ./internal/sandbox -run TestNothingLeaks -cycles 20000
	CI=$${CI:-true} $(GO) test -timeout 30m -count=1 -v ./cmd/slipway -run TestKillsAtRandomMoments -kills 50

.PHONY: soak-async
soak-async: deps ## 100,000 asynchronous events and ten kills of the server: none is lost
	CI=$${CI:-true} $(GO) test -timeout 30m -count=1 -v ./cmd/slipway -run TestAsyncKills -async-events 100000 -async-kills 10

.PHONY: lint
lint: bin/staticcheck ## formatting, vet and staticcheck
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	  test -z "$$unformatted" || { echo "gofmt these: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) -C tools vet ./...
	bin/staticcheck ./...
	cd tools && ../bin/staticcheck ./...

bin/staticcheck: tools/go.mod tools/go.sum
	@mkdir -p bin
	$(GO) -C tools build -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck

.PHONY: fuzz
fuzz: ## fuzz every parser of outside bytes, 20 s each
	@tools/fuzz.sh 20s

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
