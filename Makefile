.PHONY: build setup test test-full fuzz demo fmt check bench bench-9p bench-9p-guest bench-disks bench-compose bench-boot clean

build:
	scripts/build

setup:
	scripts/setup

# Everything that runs in minutes, VM tests with the tiny tree included.
test: setup build
	fixtures/get tiny
	scripts/run-tests
	scripts/fuzz --ci

# And the long suites, with the Debian tree.
test-full: setup build
	BUILDDISKS_DEBIAN="$$(fixtures/get debian)" BUILDDISKS_FULL=1 scripts/run-tests
	scripts/referees --self-test

# Each fuzzer in turn, with new inputs in out/fuzz.
SECONDS ?= 600
fuzz:
	scripts/fuzz $(SECONDS)

# A disk from Debian packages, built as an ordinary user, up to its login prompt.
demo: setup build
	scripts/demo

fmt:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Fuzz

check:
	scripts/check

# The emulated boot, and a snapshot's resumption, against QEMU's own boot.
bench-boot: build
	scripts/bench-boot

bench: bench-9p bench-9p-guest bench-disks bench-compose bench-boot

# The 9P server against diod, with a table and a chart in out/; its memory; its allocations, those of
# a commit as well; a commit's throughput.
BENCH_TREE ?= $(HOME)/.cache/builddisks-fixtures/bench-9p-tree
bench-9p: setup build
	swift build -c release --static-swift-stdlib --product ninep-bench
	.build/release/ninep-bench compare --tree "$(BENCH_TREE)" --output out
	.build/release/ninep-bench fids --count 100000
	.build/release/ninep-bench fids --count 200000 --files 14000
	.build/release/ninep-bench allocations --at-most 0.02
	.build/release/ninep-bench allocations --at-most 0.02 \
		--repo "$$(fixtures/get tiny)" --ref tiny/x86_64/main
	.build/release/ninep-bench commit --repo "$$(fixtures/get tiny)" --ref tiny/x86_64/main

# The 9P server over the virtio socket against QEMU's virtio-9p, in one emulated guest.
bench-9p-guest: build
	swift build -c release --static-swift-stdlib --product ninep-bench
	swift build -c release --static-swift-stdlib --product ninep-bench-guest
	.build/release/ninep-bench guest --tree "$(BENCH_TREE)" --output out \
		--repo "$$(fixtures/get debian)" --ref debian/bookworm/x86_64/standard

# Seconds from a command's start to the published disk, against the way without builddisks.
bench-disks: setup build
	scripts/bench-disks --pairs 3 vm vm-9p vm-uml compose

# Seconds and memory of composing a disk, against doing it outside as root.
bench-compose: build
	scripts/bench-compose --pairs 5 --cold --one-core

clean:
	rm -rf .build out
