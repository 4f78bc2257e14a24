# The store's and the consoles' daemons here, without a hypervisor, under a stub of its libraries; Debian's C daemon is the oracle, unpacked and not installed.
XEN_UTILS := xen-utils-4.17
DEBIAN_XENSTORED := $(B)/cache/$(XEN_UTILS)/usr/lib/xen-4.17/bin/xenstored
$(B)/xen_stub.so: tests/store/xen_stub.c
	$(Q)$(HOSTCC) $(XEN_CPPFLAGS) -Wall -Wextra -Wno-unused-parameter -O1 -shared -fPIC -o $@ $< -ldl

XENSTORE_UTILS := $(B)/cache/xenstore-utils
STORE_TEST_NEEDS := $(XENSTORE_UTILS)/version $(B)/xen_stub.so $(B)/tools/xenstored $(B)/tools/xenconsoled $(B)/cache/$(XEN_UTILS)/version
test-store: $(STORE_TEST_NEEDS)
	$(Q)$(PYTHON) tests/store/run.py $(B)/xen_stub.so $(B)/tools $(DEBIAN_XENSTORED) $(XENSTORE_UTILS)/usr/bin

soak-store: $(STORE_TEST_NEEDS)
	$(PYTHON) tests/store/compare.py $(B)/xen_stub.so $(B)/tools/xenstored $(DEBIAN_XENSTORED) --ops 50000
	$(PYTHON) tests/store/crash.py $(B)/xen_stub.so $(B)/tools/xenstored kill --times 1000
	$(PYTHON) tests/store/crash.py $(B)/xen_stub.so $(B)/tools/xenstored update --times 1000
	$(PYTHON) tests/store/twice.py $(B)/xen_stub.so $(B)/tools/xenstored --times 1000
	$(PYTHON) tests/store/cycles.py $(B)/xen_stub.so $(B)/tools/xenstored 10000
soak: soak-store
.PHONY: test-store soak-store

# A million random requests against the model, a fresh seed each time.
soak-store-model: $(B)/tests/unit/xenstored_model
	XENSTORED_MODEL_OPS=1000000 $<
soak: soak-store-model
.PHONY: soak soak-store-model

# A line of a guest's console, here under the stub of the store's tests: half a minute.
$(B)/bench/steps: tests/bench/steps.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -Wno-unused-parameter -o $@ $<

bench-xenconsoled: $(B)/bench/steps $(STORE_TEST_NEEDS)
	$(Q)$(PYTHON) tests/bench/console.py $(B)/xen_stub.so $(B)/tools/xenstored $< $(B)/tools/xenconsoled $(dir $(DEBIAN_XENSTORED))xenconsoled
.PHONY: bench-xenconsoled
