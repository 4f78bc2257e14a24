# Guest tests: one binary an area. tests/guest/AREA.c, or all sources in tests/guest/AREA/. tests/guest/run.py boots them.
GUEST_AREAS := $(sort $(basename $(notdir $(wildcard tests/guest/*.c))) $(notdir $(patsubst %/,%,$(dir $(wildcard tests/guest/*/*.c)))))
guest_sources = $(wildcard tests/guest/$(1).c tests/guest/$(1)/*.c)
$(foreach a,$(GUEST_AREAS),$(eval $(call guest_pv64,$(a),$(call guest_sources,$(a)))))

# GUEST_JOBS=1: one machine at a time.
GUEST_JOBS ?= 2
GUEST_RUN := $(PYTHON) tests/guest/run.py --build $(B) --jobs $(GUEST_JOBS)

guests: $(GUESTS)
all: guests

test-guest: $(GUESTS) $(B)/xenios
	$(GUEST_RUN) --hypervisor $(B)/xenios $(GUEST_TESTS)

test-guest-oracle: $(GUESTS) $(ORACLE_XEN)
	$(GUEST_RUN) --hypervisor $(ORACLE_XEN) $(GUEST_TESTS)

# The same tests on a build with assertions, UBSan and lock ranks in the hypervisor.
test-guest-debug: $(GUESTS)
	$(MAKE) DEBUG=1 B=$(B)/debug $(B)/debug/xenios
	$(GUEST_RUN) --hypervisor $(B)/debug/xenios --logs $(B)/guest-logs-debug $(GUEST_TESTS)
# What touches entry and page tables, on a processor that is open to Meltdown: guests run on copies of their roots there.
test-guest-split: $(GUESTS) $(B)/xenios
	$(GUEST_RUN) --hypervisor $(B)/xenios --cpu Nehalem --logs $(B)/guest-logs-split smoke traps mm security
.PHONY: test-guest-split
.PHONY: guests test-guest test-guest-oracle test-guest-debug

# Every allocation fails once, in a guest made for it; and in the guests of other areas.
FAIL_ALLOC_AREAS ?= alloc_domains smoke events grant time memory
test-fail-alloc: $(B)/guests/alloc-pv64 $(B)/guests/alloc_domains-pv64 $(B)/xenios
	$(PYTHON) tests/guest/fail_alloc.py --hypervisor $(B)/xenios --build $(B) alloc alloc_domains:11
test-fail-alloc-all: $(GUESTS) $(B)/xenios
	$(PYTHON) tests/guest/fail_alloc.py --hypervisor $(B)/xenios --build $(B) $(FAIL_ALLOC_AREAS)
.PHONY: test-fail-alloc test-fail-alloc-all
