# Commands for people; cargo does everything else.

MUSL := $(shell uname -m)-unknown-linux-musl
GNU := $(shell uname -m)-unknown-linux-gnu
has = $(wildcard $(shell rustc --print target-libdir --target $(1) 2>/dev/null)/libstd-*.rlib)

# musl, if the toolchain has it: the binary is smaller and starts faster.
TARGET := $(if $(call has,$(MUSL)),$(MUSL),$(GNU))
TARGETS := $(if $(call has,$(MUSL)),$(MUSL)) $(if $(call has,$(GNU)),$(GNU))
BINARY := target/$(TARGET)/release/hookmux

# Recipes find what cargo built below target, also where the user's environment names another directory for it.
unexport CARGO_TARGET_DIR

# The binary contains paths of the crates' sources: in /cargo instead of a home directory or the directory where a release's
# sources are unpacked, so that builds are reproducible. Added to the flags in .cargo/config.toml.
CARGO_HOME ?= $(HOME)/.cargo
REMAP := --remap-path-prefix=$(CARGO_HOME)=/cargo --remap-path-prefix=$(CURDIR)/vendor=/cargo/vendor
flags = CARGO_TARGET_$(shell echo $(1) | tr a-z- A-Z_)_RUSTFLAGS
export $(call flags,$(MUSL)) := $(REMAP)
export $(call flags,$(GNU)) := $(REMAP)

.PHONY: build
build: ## the static binaries
	cargo build --release --locked --target $(TARGET)
	@echo "$(BINARY)"

.PHONY: packages
packages: build ## .deb, .rpm and a tarball, in target/packages
	packaging/build "$(BINARY)"

.PHONY: release
release: ## every file of a release, from the tag of this version, in target/dist
	packaging/release $(COMMIT)

.PHONY: source-package
source-package: ## Debian's source package, in target/source-package
	packaging/source-package

.PHONY: lint-packages
lint-packages: packages ## lintian and rpmlint on the packages
	packaging/lint

.PHONY: demo
demo: build ## calls the shipped examples as libvirt would, without libvirt
	examples/demo "$(BINARY)"

.PHONY: needs
needs: ## installs what the tests need (Debian)
	tests/needs

.PHONY: check
check: tools ## checks format, lints, documents, spelling, fuzz targets and licences
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --workspace --no-deps
	cargo check --quiet --locked --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz-check
	$(if $(OLDEST_IS_HERE),cargo +$(OLDEST) check --quiet --locked --target-dir target/oldest)
	cargo test --quiet --locked --test documents --test completions
	$(call tool,typos)
	$(call tool,cargo-deny) check licenses bans sources

# The oldest Rust that Cargo.toml allows. Clippy checks for it, and the compiler itself does where rustup has it.
OLDEST := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
OLDEST_IS_HERE = $(shell rustup toolchain list 2>/dev/null | grep -F "$(OLDEST)")

# Installed as a binary: compiling it takes longer than everything else that `make check` does.
TYPOS := 1.52.0

# The path of a tool: the one that is installed, or that in target/tools.
tool = $(shell command -v $(1) || echo target/tools/bin/$(1))

.PHONY: tools
tools: ## installs what `make check` needs, where it is missing
	command -v cargo-deny >/dev/null || [ -x target/tools/bin/cargo-deny ] || \
		cargo install --quiet --locked cargo-deny --root target/tools
	command -v typos >/dev/null || [ -x target/tools/bin/typos ] || { \
		python3 -m venv target/tools/python && target/tools/python/bin/pip install --quiet typos==$(TYPOS) && \
		mkdir -p target/tools/bin && ln -s ../python/bin/typos target/tools/bin/typos; }
	command -v rustup >/dev/null && rustup toolchain install $(OLDEST) --profile minimal --no-self-update >/dev/null 2>&1 || \
		echo "make check: Rust $(OLDEST) cannot be installed, so that only clippy looks for what it lacks" >&2

# Three parts: all tests for this machine's own target, with the packages of the static one; then the tests of the hook and
# the log for each static release that can be built, with the cost of a call; then tables of the operations that the tests on
# real daemons have seen, and of the packages on each system. `make` runs again because tests/needs may have added a target.
.PHONY: test
test: needs ## installs what is missing, and runs all tests without a target of their own
	$(MAKE) --no-print-directory packages
	rm -rf target/*/tmp/packages-table
	cargo test --locked
	$(MAKE) --no-print-directory test-releases
	tests/real/coverage
	tests/packages/table

.PHONY: test-releases
test-releases:
	set -e; for target in $(TARGETS); do \
		cargo build --release --locked --target $$target; \
		HOOKMUX_BIN=$(CURDIR)/target/$$target/release/hookmux cargo test --locked --test hook --test hostile --test model --test log; \
	done
	$(if $(call has,$(BUDGETED)),$(COUNT))

# Each of these builds a system and then waits for machines that are emulated on one thread each. Their tests are compiled
# before, because parallel runs of cargo would wait for each other.
MACHINES := test-host test-xen test-arm

.PHONY: test-machines
test-machines: needs ## test-host, test-xen and test-arm, two at a time
	cargo test --locked --no-run $(patsubst test-%,--test %,$(MACHINES))
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target --keep-going $(MACHINES)

# Builds a libvirt with the proposed operation `stop`, once: six minutes of CPU time, or three on two idle cores.
# The tests take less than two.
.PHONY: test-stop
test-stop: needs ## tests the proposed operation `stop`, on a libvirt that has it
	tests/stop/build
	cargo test --locked --test stop

# Builds a Debian 13 with systemd and AppArmor, once: two minutes. It boots under emulation, for both of its scenarios at once:
# tests that wait for a boot take a thread each.
.PHONY: test-host
test-host: needs packages ## tests the packages on a complete emulated host
	tests/host/build
	cargo test --locked --test host -- --test-threads=32

# Builds the source package in clean systems of Debian 13 and sid: four minutes of CPU time each, and one for each system.
.PHONY: test-debian
test-debian: needs packages ## builds Debian's source package in clean systems, and tests the result
	tests/debian/build
	cargo test --locked --test debian

# Builds a Debian 12 with Xen, once: two minutes. It boots under emulation, which takes two to three more.
.PHONY: test-xen
test-xen: needs ## tests libvirt's libxl driver on a real Xen in an emulated machine
	tests/xen/build
	cargo test --locked --test xen

# The other architecture that packages are made for. An initramfs with busybox boots under emulation within half a minute.
ARM := aarch64-unknown-linux-musl
$(if $(filter $(ARM),$(MUSL)),,$(eval export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER := aarch64-linux-gnu-gcc))
export $(call flags,$(ARM)) := $(REMAP)

.PHONY: test-arm
test-arm: needs ## builds the packages for aarch64, and tests the program on an emulated machine
	cargo build --release --locked --target $(ARM)
	packaging/build target/$(ARM)/release/hookmux target/packages-arm
	tests/arm/build
	cargo test --locked --test arm

# Four to eight minutes of CPU time.
.PHONY: test-source-rpm
test-source-rpm: needs ## builds the packages as Fedora and SUSE do, from the source tarball, and tests them
	tests/source_rpm/build
	cargo test --locked --test source_rpm

# The numbers in tests/budget.toml apply to one architecture.
BUDGETED := x86_64-unknown-linux-musl
COUNT = HOOKMUX_BIN=$(CURDIR)/target/$(BUDGETED)/release/hookmux cargo test --locked --test budget

.PHONY: budget
budget: ## updates tests/budget.toml: what a call may cost in system calls and instructions
	cargo build --release --locked --target $(BUDGETED)
	HOOKMUX_BUDGET=write $(COUNT)

# New inputs are kept below target/; the corpus in tests/fuzz has those that are worth keeping (`cargo fuzz cmin`).
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := $(basename $(notdir $(wildcard tests/fuzz/fuzz_targets/*.rs)))

.PHONY: fuzz
fuzz: ## runs every fuzz target for FUZZ_SECONDS (60); needs a nightly toolchain
	command -v cargo-fuzz >/dev/null || [ -x target/tools/bin/cargo-fuzz ] || \
		cargo install --quiet --locked cargo-fuzz --root target/tools
	set -e; PATH="$(CURDIR)/target/tools/bin:$$PATH"; for target in $(FUZZ_TARGETS); do \
		mkdir -p target/fuzz/$$target tests/fuzz/corpus/$$target; \
		cargo +nightly fuzz run --fuzz-dir tests/fuzz $$target \
			target/fuzz/$$target tests/fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1; \
	done

# Needs root and some minutes. REAL_TIME=1 runs at real-time priority, for a busy machine.
.PHONY: bench
bench: build ## measures ratios for docs/performance.md, and the cost of checking filters
	HOOKMUX_BENCH_REAL_TIME=$(REAL_TIME) $(WITH_BINARY) cargo bench --locked --bench performance
	$(WITH_BINARY) cargo bench --locked --bench guard

WITH_BINARY = HOOKMUX_BIN=$(CURDIR)/$(BINARY)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile
