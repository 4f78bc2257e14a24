# Xenios: the whole build. `make help` lists the targets. Each part of the tree adds its own fragment.
B ?= build
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
HOSTCC ?= gcc
PYTHON ?= /usr/bin/python3
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# The flags under which libxen-dev's headers compile with gcc and clang (docs/decisions).
XEN_CPPFLAGS := -D__XEN_TOOLS__

all:
help:
	@echo "make            build everything into $(B)/"
	@echo "make run        boot the demo in QEMU, console on this terminal"
	@echo "make test       every test but the long ones"
	@echo "make test-xl    Debian's xl, virsh and daemons on Xenios, the long tests too; test-xl-oracle: on Debian's Xen"
	@echo "make lint test-unit test-guest test-system test-matrix test-daemons test-life soak fuzz bench"
	@echo "make test-store     the store against Debian's two daemons; bench-xenstored: its table alone; fuzz-sample: seconds of its fuzzing"
.PHONY: all help

# Building installs nothing, but says what is missing.
all: | check-packages
check-packages:
	@tools/install-packages --check build
.PHONY: check-packages

# Fragments in the order of the layers. Each adds its products to `all`.
include $(sort $(wildcard hypervisor/*.mk))
include $(wildcard guestkit/*.mk toolstack/*.mk dom0/*.mk tests/*.mk tests/*/*.mk)

clean:
	rm -rf $(B)
.PHONY: clean
