# The same 20,000 hypercalls from a seed on Debian's Xen and on ours, release and debug build; the answers are compared. The seed is a
# fresh one each time, and printed: FUZZ_ARGS='--seed N --epochs 200' repeats it.
FUZZ_ARGS ?= --epochs 200 --jobs 2
test-differential: $(B)/guests/fuzz-pv64 $(B)/xenios $(ORACLE_XEN)
	$(Q)$(MAKE) --no-print-directory DEBUG=1 B=$(B)/debug $(B)/debug/xenios
	$(Q)$(PYTHON) tests/guest/differential.py --build $(B) --oracle $(ORACLE_XEN) --hypervisor $(B)/xenios --hypervisor $(B)/debug/xenios $(FUZZ_ARGS)
# Several; all are run, whether or not one is red.
FUZZ_SEEDS ?= 5
test-differential-full:
	$(Q)failed=0; for i in $$(seq $(FUZZ_SEEDS)); do $(MAKE) --no-print-directory test-differential || failed=1; done; exit $$failed
.PHONY: test-differential test-differential-full
