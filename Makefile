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
	@test -e $(BUILD)/build.ninja || meson setup --prefix $(PREFIX) --libdir lib $(BUILD)

# gcc, clang, ASan + UBSan and TSan, or some of them: make test VARIANTS="gcc tsan".  The last line is
# `N passed, N failed`.
test:
	@tools/bootstrap test
	@tests/run-all $(VARIANTS)

# Nothing is built for these that they do not need: the first minute is spent on `make run`.
run: configure
	@ninja -C $(BUILD) quire
	@$(BUILD)/quire run -- ls -l /usr

bench-run: configure
	@ninja -C $(BUILD) quire
	@bench/bench-run

bench: all
	@$(BUILD)/bench/bench_fault
	@$(BUILD)/bench/bench_cost
	@$(BUILD)/bench/bench_rmap

bench-check: all
	@$(BUILD)/bench/bench_check

soak: all
	@tests/soak

# PREFIX counts here even if the build was configured with another one.  libdir is told because
# meson may choose lib64, where Debian's pkg-config and loader do not look.  A library that the
# loader finds by its cache alone, as in /usr/local, has to be entered there.
install: all
	@meson configure -Dprefix=$(PREFIX) -Dlibdir=lib $(BUILD)
	@meson install -C $(BUILD)
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

format:
	@git ls-files -z '*.c' '*.h' | xargs -0r clang-format -i

clean:
	@rm -rf build build-clang build-asan build-tsan
