# The commands of this repository. `make` alone lists them.

SHELL := /bin/bash

# How long each fuzz target runs. The default is a smoke test; give it an hour when the decoder changes.
FUZZ_SECONDS ?= 10

.PHONY: help demo test reference api check fuzz bench size instructions

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## 2 masters and 2 replicas on this machine, a session on them, and nothing left behind
	@scripts/demo.sh

# One shell for the whole recipe, because the tests get the programs by environment variables. Without
# a server there is nothing to test with, so that is an error. Without redis-cli, or one of the servers
# that the command table is compared with, only that comparison is missing, which is said and not hidden.
test: ## gets a Redis or Valkey server when there is none, then runs all tests
	@set -euo pipefail; \
	REDIS_SERVER=$$(scripts/server.sh); export REDIS_SERVER; \
	echo "server: $$REDIS_SERVER ($$("$$REDIS_SERVER" --version))"; \
	if REDIS_CLI=$$(scripts/server.sh --cli); then \
		export REDIS_CLI; \
		echo "redis-cli: $$REDIS_CLI ($$("$$REDIS_CLI" --version))"; \
	else \
		unset REDIS_CLI; \
		echo "############ SKIPPED: no redis-cli here, so our command line is NOT compared with it ############"; \
	fi; \
	REDISCLUSTER_SERVERS=$$(scripts/servers.sh) || true; export REDISCLUSTER_SERVERS; \
	echo "$$REDISCLUSTER_SERVERS"; \
	scripts/test.sh

reference: ## writes docs/commands.md anew from the command table
	UPDATE_REFERENCE=1 cargo test --quiet --test reference

api: ## writes the lists of the public API in tests/public_api anew
	UPDATE_API=1 cargo test --quiet --test public_api

check: ## formatting, clippy, documentation, and shellcheck where it is installed
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
	@if command -v shellcheck >/dev/null; then \
		echo shellcheck; shellcheck scripts/*.sh .ci/run; \
	else \
		echo "shellcheck is not installed: scripts not checked"; \
	fi

fuzz: ## runs each fuzz target for FUZZ_SECONDS (10), two at a time
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz.sh run

# A package of its own, because the peers it compares with must not be built by `cargo test`.
bench: ## decoding and encoding beside redis-rs, in one run
	cargo run --release --manifest-path bench/Cargo.toml

# A package of its own as well. With COSTS=--write the figures of what is held are written to costs/ and the README; with
# COSTS=--check it fails when that has grown.
COSTS ?=
COSTS_RUN = cargo run --quiet --locked --manifest-path costs/Cargo.toml --

size: ## bytes that the library adds to small programs, and time of their build, beside redis-rs
	$(COSTS_RUN) size $(COSTS)

instructions: ## instructions of common calls, beside redis-rs; gets valgrind when there is none
	@set -euo pipefail; \
	REDIS_SERVER=$$(scripts/server.sh); export REDIS_SERVER; \
	if scripts/valgrind.sh; then \
		$(COSTS_RUN) instructions $(COSTS); \
	else \
		echo "############ SKIPPED: no valgrind can be had here, so instructions are NOT counted ############"; \
	fi
