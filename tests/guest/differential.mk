# The same hypercalls from a seed on Debian's Xen and on ours, release and debug build; the answers are compared. `make test` takes a seed whose first 10,000 calls are known to be answered alike, so that
# it tells what a change broke; a fresh seed (FUZZ_ARGS=) still finds differences that nobody has explained yet, in some 4 of 100 epochs.
FUZZ_ARGS ?= --seed 4 --epochs 100
test-differential: $(B)/guests/fuzz-pv64 $(B)/xenios $(B)/oracle/xen
	$(Q)$(MAKE) --no-print-directory DEBUG=1 B=$(B)/debug $(B)/debug/xenios
	$(Q)$(PYTHON) tests/guest/differential.py --build $(B) --oracle $(B)/oracle/xen --hypervisor $(B)/xenios --hypervisor $(B)/debug/xenios $(FUZZ_ARGS)
# All of the 20,000 calls.
test-differential-full:
	$(Q)$(MAKE) test-differential FUZZ_ARGS='--epochs 200'
.PHONY: test-differential test-differential-full
