# The two commands that matter: `make demo` shows swarm at work, `make test`
# proves it. Everything is fetched by the go command; nothing else is needed.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 10s
BENCHTIME ?= 1s
# Tools the comparison may find beside swarm: nginx for the target, then any of
# wrk, bombardier and k6.
COMPARE ?= -duration 5s -rounds 5 -paced 2000

.PHONY: demo build test unit race lint layers fmt fuzz bench golden samples proto clean

build: ## ./swarm
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o swarm ./cmd/swarm

demo: build ## start the built-in target, run samples/quickstart.js against it
	@./samples/demo.sh

test: lint layers unit race ## everything CI runs

unit:
	$(GO) test ./...

race: ## the same tests under the race detector
	$(GO) test -race ./...

lint: fmt
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

fmt:
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt differs:"; echo "$$out"; exit 1; }

layers: ## imports go one way
	@$(GO) run ./cmd/layers

fuzz: ## every fuzz target for FUZZTIME
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

bench: build ## Go benchmarks, then swarm beside the load tools on PATH
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...
	$(GO) run ./cmd/bench -swarm ./swarm $(COMPARE)

golden: ## rewrite golden files; read the diff before committing it
	$(GO) test ./engine/summary ./engine/compare ./cmd/swarm ./cmd/swarm/progress -update

samples: build ## run every sample against the built-in target
	$(GO) test ./cmd/swarm -run '^TestSamples' -count=1 -v

proto: ## regenerate the wire messages; needs protoc
	cd cluster/wire && protoc --plugin=protoc-gen-go="$$($(GO) tool -n protoc-gen-go)" \
	  --go_out=. --go_opt=paths=source_relative wire.proto

clean:
	rm -rf swarm dist
