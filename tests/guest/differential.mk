# The same 20,000 hypercalls from a seed on Debian's Xen and on ours, release and debug build; the answers are compared. `make test` takes a seed that is known to be answered alike, so that it tells
# what a change broke; fresh ones find what nobody knows yet.
FUZZ_ARGS ?= --seed 3001 --epochs 200 --jobs 2
test-differential: $(B)/guests/fuzz-pv64 $(B)/xenios $(B)/oracle/xen
	$(Q)$(MAKE) --no-print-directory DEBUG=1 B=$(B)/debug $(B)/debug/xenios
	$(Q)$(PYTHON) tests/guest/differential.py --build $(B) --oracle $(B)/oracle/xen --hypervisor $(B)/xenios --hypervisor $(B)/debug/xenios $(FUZZ_ARGS)
# Fresh seeds, printed; all are run, whether or not one is red.
FUZZ_SEEDS ?= 5
test-differential-full:
	$(Q)failed=0; for i in $$(seq $(FUZZ_SEEDS)); do $(MAKE) --no-print-directory test-differential FUZZ_ARGS='--epochs 200 --jobs 2' || failed=1; done; exit $$failed
.PHONY: test-differential test-differential-full
