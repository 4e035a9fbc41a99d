# SPDX-License-Identifier: MIT
#
# A thin face on meson and ninja: every target sees to what it needs first.

BUILD ?= build
PREFIX ?= /usr/local

.PHONY: all configure test run bench-run bench bench-check soak install clean format

all: configure
	@ninja -C $(BUILD)

configure:
	@tools/bootstrap build
	@test -e $(BUILD)/build.ninja || meson setup --prefix $(PREFIX) $(BUILD)

# gcc, clang, ASan + UBSan and TSan; the last line is `N passed, N failed`.
test:
	@tools/bootstrap test
	@tests/run-all

run: all
	@$(BUILD)/quire run -- ls -l /usr

bench-run: all
	@bench/bench-run

bench: all
	@$(BUILD)/bench/bench_fault

bench-check: all
	@$(BUILD)/bench/bench_check

soak: all
	@tests/soak

install: all
	@meson install -C $(BUILD)

format:
	@git ls-files -z '*.c' '*.h' | xargs -0r clang-format -i

clean:
	@rm -rf build build-clang build-asan build-tsan
