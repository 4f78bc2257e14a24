# What an operation costs on Xenios and on Debian's Xen: instructions, counted by a plugin in QEMU, deterministic. `make bench
# BENCH_ARGS=--options=spec-ctrl=no` for other settings of both hypervisors.
PLUGIN_PARTS := tests/bench/marks.c tests/bench/marks.h tests/lib/qemu_plugin.h
BENCH_TOOLS := $(B)/bench/count.so $(B)/bench/init $(B)/bench/toolstack $(B)/bench/sleeper $(B)/bench/io $(B)/tools/xenstored
BENCH_GUEST := $(B)/guests/bench-pv64

$(B)/bench/count.so: tests/bench/count.c $(PLUGIN_PARTS)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $(filter %.c,$^)

# At an address of its own: the plugin sees virtual addresses only.
$(B)/bench/init: tests/bench/workload.c tests/bench/program.h
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -no-pie -Wl,--no-relax -Wl,-Ttext-segment=0x5a000000 -o $@ $<

$(B)/bench/toolstack: tests/bench/toolstack.c tests/bench/program.h
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -no-pie -Wl,-Ttext-segment=0x5b000000 -o $@ $< \
	    -Wl,--whole-archive -lxenguest -Wl,--no-whole-archive -lxenctrl -lxenforeignmemory \
	    -lxenevtchn -lxendevicemodel -lxencall -lxentoolcore -lxentoollog -lxengnttab -lxenhypfs -lz -lbz2 -llzma -lzstd

$(B)/bench/io: tests/bench/io.c tests/bench/program.h
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -no-pie -Wl,-Ttext-segment=0x5c000000 -o $@ $< \
	    -Wl,--whole-archive -lxenguest -Wl,--no-whole-archive -lxenctrl -lxenforeignmemory -lxenevtchn -lxendevicemodel -lxencall \
	    -lxenstore -lxentoolcore -lxentoollog -lxengnttab -lxenhypfs -lz -lbz2 -llzma -lzstd

$(B)/bench/sleeper: tests/bench/sleeper.S guestkit/lib/pv64/link.lds
	@mkdir -p $(@D)
	$(Q)$(CC) -m64 -nostdlib -static -Wl,-T,guestkit/lib/pv64/link.lds -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	    -Wl,--no-warn-rwx-segments -o $@ $<

bench-run: dom0 oracle $(BENCH_TOOLS) $(BENCH_GUEST) $(HYPERVISOR)
	$(Q)B=$(B) $(PYTHON) tests/bench/bench.py --hypervisor=$(HYPERVISOR) --oracle=$(ORACLE_XEN) $(BENCH_ARGS)

bench:
	$(Q)tools/install-packages
	$(Q)$(MAKE) --no-print-directory bench-run
	$(Q)$(MAKE) --no-print-directory bench-xenstored bench-xenconsoled
.PHONY: bench bench-run

# What a working domain loses by storms on another processor; not in `make bench`, since it needs two idle processors of this machine.
$(B)/bench/vcpu_count.so: tests/bench/vcpu_count.c $(PLUGIN_PARTS)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $(filter %.c,$^)

bench-storms: $(B)/bench/vcpu_count.so $(B)/guests/neighbour-pv64 $(HYPERVISOR) oracle
	$(Q)B=$(B) $(PYTHON) tests/bench/storms.py --hypervisor=$(HYPERVISOR) --oracle=$(ORACLE_XEN) $(STORMS_ARGS)
.PHONY: bench-storms

# The second table: the store's daemons, ours and Debian's two, each in a domain 0 under Debian's Xen. `make bench-xenstored` makes it alone.
$(B)/bench/store_count.so: tests/bench/store_count.c $(PLUGIN_PARTS)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $(filter %.c,$^)

# At an address of its own, as above.
$(B)/bench/store_client: tests/bench/store_client.c tests/bench/program.h
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -Wno-unused-parameter $(XEN_CPPFLAGS) -static -no-pie -Wl,--no-relax \
	    -Wl,-Ttext-segment=0x5a000000 -o $@ $<

bench-xenstored: $(B)/bench/store_count.so $(B)/bench/store_client $(B)/tools/xenstored $(B)/cache/xen-utils-4.17/version $(KERNEL_DIR)/version oracle
	$(Q)B=$(B) $(PYTHON) tests/bench/store.py --hypervisor=$(ORACLE_XEN) --kernel=$(KERNEL_DIR) --ours=$(B)/tools/xenstored \
	    --debian=$(B)/cache/xen-utils-4.17/usr/lib/xen-4.17/bin $(STORE_BENCH_ARGS)
.PHONY: bench-xenstored
