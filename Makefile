# hakmem's commands. `make run` and `make test` install what they need first (scripts/setup.sh, Debian 12).
# `make help` lists all of them.

PRESET ?= release
MINUTES ?= 30

.DEFAULT_GOAL := help
.PHONY: help run build test check bench soak format lint clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-8s %s\n", $$1, $$2}'

run: ## install what is needed, build, and run a real program on hakmem
	@scripts/setup.sh run
	@scripts/build release
	@scripts/demo

build: ## build libhakmem.so, libhakmem.a, hakmem.o and the hakmem command in build/release (PRESET=...)
	@scripts/setup.sh run
	@scripts/build $(PRESET)

test: ## everything: five builds (scripts/test), all tests, lint; under 30 minutes on 2 cores
	@scripts/setup.sh test
	@scripts/test

check: ## the quick round while working: build one preset and run its tests (PRESET=..., ARGS=ctest's)
	@scripts/setup.sh test
	@scripts/build $(PRESET)
	@ctest --preset $(PRESET) $(ARGS)

bench: ## measure against the allocators that Debian has, about an hour (BENCH=arguments, such as --quick)
	@scripts/setup.sh bench
	@scripts/build release
	@cmake --build --preset release --target bench_loads >>build/release/build.log
	@bench/suite $(BENCH)

soak: ## random tests with new seeds for a long time (MINUTES=30)
	@scripts/setup.sh test
	@scripts/build debug
	@scripts/soak $(MINUTES)

format: ## format the C and C++ sources
	@find include src tool test bench examples \( -name '*.h' -o -name '*.hpp' -o -name '*.cc' -o -name '*.c' \) \
	  ! -path '*/fixtures/*' -print0 | xargs -0 -r clang-format-14 -i

lint: ## check layers, dependencies, exported symbols, formatting, scripts
	@scripts/lint

clean: ## remove build/
	rm -rf build
