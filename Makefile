# Outrider: every command a developer or operator of a checkout needs.
.DEFAULT_GOAL := help
export CGO_ENABLED = 0
GO ?= go
LINT = $(GO) tool -modfile=tools/go.mod golangci-lint
RACE = $(addprefix ./internal/,smtpd dns relay spool mailflow store/... history egress rdap mtasts durable app)
SHARED ?= ../shared/data

.PHONY: help build run test peers race lint bench torture fuzz data docs clean

help: ## show this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

build: ## build bin/outrider
	@GO=$(GO) ./scripts/build

run: build ## build and start everything on embedded defaults
	./bin/outrider serve

test: peers lint data ## install the peers of tests (as root on Debian), lint, then every test
	$(GO) test -timeout 15m ./...

peers: ## install what tests run beside Outrider; without root, name what is missing
	@./scripts/peers

race: ## the packages that share state between goroutines, and the whole gateway, under the race detector (needs gcc)
	CGO_ENABLED=1 $(GO) test -race -timeout 15m $(RACE)

lint: ## golangci-lint (with staticcheck) and deadcode, pinned in tools/go.mod
	$(LINT) run ./...
	@GO=$(GO) ./scripts/deadcode

bench: build data ## measure beside the peers and write docs/benchmarks.md
	./scripts/bench

torture: ## kill the gateway 20 times under 10000 messages, fill its disk, and account for every message
	OUTRIDER_TORTURE=10000 OUTRIDER_KILLS=20 $(GO) test -count=1 -v -timeout 30m -run 'TestTorture|TestFullDisk' ./test

fuzz: ## every fuzz target, one minute each (FUZZTIME=…)
	./scripts/fuzz

data: ## unpack the shared corpora into .data/, where they are given
	@./scripts/data "$(SHARED)"

docs: build ## write what is generated in docs/
	./bin/outrider config reference > docs/config.md
	@for name in events hunt inject messages quarantine rules scan; do ./bin/outrider schema $$name > docs/schemas/$$name.json; done
	$(GO) run ./internal/evidence/mdm/gen > docs/message-data-model.md
	$(GO) run ./internal/rule/schema/gen
	$(GO) run ./internal/rule/gen > docs/rule-language.md

clean: ## remove what was built
	rm -rf bin
