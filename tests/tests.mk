# Hosted unit tests: every tests/unit/NAME.c is one cmocka program. A line in its head comment names the sources it is linked with:
#   UNIT-SOURCES: hypervisor/lib/string.c hypervisor/event/fifo.c
# They are compiled for the host with ASan and UBSan; UNIT_HOSTED tells the seam headers so. What headers they include is in NAME.d.
UNIT_NAMES := $(basename $(notdir $(wildcard tests/unit/*.c)))
UNIT_BINS := $(UNIT_NAMES:%=$(B)/tests/unit/%)
UNIT_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-unused-parameter -DUNIT_HOSTED $(XEN_CPPFLAGS) -fsanitize=address,undefined \
    -fno-sanitize-recover=all -fno-omit-frame-pointer -I. -Ihypervisor -Ihypervisor/include -Itests/unit/include

unit-sources = $(shell sed -n 's/.*UNIT-SOURCES: *//p' tests/unit/$(1).c)
unit-flags = $(shell sed -n 's/.*UNIT-FLAGS: *//p' tests/unit/$(1).c)

define unit_rule
$(B)/tests/unit/$(1): tests/unit/$(1).c $(call unit-sources,$(1)) tests/tests.mk
	@mkdir -p $$(@D)
	$$(Q)$(HOSTCC) $(UNIT_CFLAGS) $(call unit-flags,$(1)) -o $$@ tests/unit/$(1).c $(call unit-sources,$(1)) -lcmocka -lpthread
	$$(Q)$(HOSTCC) $(UNIT_CFLAGS) $(call unit-flags,$(1)) -MM -MP -MT $$@ tests/unit/$(1).c $(call unit-sources,$(1)) >$$@.d
endef
$(foreach n,$(UNIT_NAMES),$(eval $(call unit_rule,$(n))))
-include $(UNIT_BINS:%=%.d)

unit-bins: $(UNIT_BINS)
.PHONY: unit-bins

test-unit:
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) unit-bins
	$(Q)$(PYTHON) tests/unit/run.py $(UNIT_BINS)
.PHONY: test-unit

# Debian's Xen, what ours is measured against: unpacked, not installed, so that the machine's own boot menu stays as it is.
ORACLE_XEN := $(B)/oracle/xen
ORACLE_PACKAGE := xen-hypervisor-4.17-amd64
$(ORACLE_XEN): $(B)/cache/$(ORACLE_PACKAGE)/version
	@mkdir -p $(@D)
	$(Q)gunzip -c $(B)/cache/$(ORACLE_PACKAGE)/boot/xen-4.17-amd64.gz >$@
oracle: $(ORACLE_XEN)
.PHONY: oracle

# `make test`: installs what is missing, then every part in a make of its own, so that what the installation brought is seen.
TEST_PARTS := +all +all-clang lint test-unit test-store +fuzz-sample test-guest test-guest-debug test-guest-split test-fail-alloc test-differential test-preempt test-system
# What one compiler passes over, the other refuses.
all-clang:
	$(Q)$(MAKE) --no-print-directory CC=clang B=$(B)/clang all
.PHONY: all-clang

test:
	$(Q)tools/install-packages
	$(Q)MAKE="$(MAKE)" $(PYTHON) tests/run_parts.py $(B) $(TEST_PARTS)
.PHONY: test
