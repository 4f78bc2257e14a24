# What an operation costs on Xenios and on Debian's Xen: instructions, counted by a plugin in QEMU, deterministic. `make bench
# BENCH_ARGS=--options=spec-ctrl=no` for other settings of both hypervisors.
BENCH_TOOLS := $(B)/bench/count.so $(B)/bench/init
BENCH_GUEST := $(B)/guests/bench-pv64

$(B)/bench/count.so: tests/bench/count.c tests/lib/qemu_plugin.h
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $<

# At an address of its own: the plugin sees virtual addresses only.
$(B)/bench/init: tests/bench/workload.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -no-pie -Wl,--no-relax -Wl,-Ttext-segment=0x5a000000 -o $@ $<

bench-run: dom0 oracle $(BENCH_TOOLS) $(BENCH_GUEST) $(HYPERVISOR)
	$(Q)B=$(B) $(PYTHON) tests/bench/bench.py --hypervisor=$(HYPERVISOR) --oracle=$(ORACLE_XEN) $(BENCH_ARGS)

bench:
	$(Q)tools/install-packages
	$(Q)$(MAKE) --no-print-directory bench-run
.PHONY: bench bench-run
