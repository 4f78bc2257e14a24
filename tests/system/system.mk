# Whole machines in QEMU. HYPERVISOR=PATH tests another hypervisor than ours: `make test-system HYPERVISOR=build/oracle/xen`.
JOBS ?= 2
SYSTEM_RUN := B=$(B) JOBS=$(JOBS) $(PYTHON) tests/system/run.py --hypervisor=$(HYPERVISOR)

# The Debian domain 0 takes root and debootstrap: where it cannot be made, the tests that boot it are skipped, and say so.
test-system: dom0 guests $(ORACLE_XEN) $(HYPERVISOR)
	$(Q)$(MAKE) --no-print-directory debian || echo "no Debian domain 0 here: tests/system/test_xl.py is skipped"
	$(Q)$(SYSTEM_RUN) $(PYTEST_ARGS)

test-matrix: dom0 $(ORACLE_XEN) $(HYPERVISOR)
	$(Q)$(SYSTEM_RUN) --matrix -m matrix $(PYTEST_ARGS)

# Everything with Debian's tools, also what make test leaves out because it takes long. HYPERVISOR=build/oracle/xen, or test-xl-oracle: on Debian's Xen.
test-xl: debian $(ORACLE_XEN) $(HYPERVISOR)
	$(Q)$(SYSTEM_RUN) -m "debian or long" -k test_xl $(PYTEST_ARGS)
test-xl-oracle:
	$(Q)$(MAKE) --no-print-directory test-xl HYPERVISOR=$(ORACLE_XEN)
.PHONY: test-xl test-xl-oracle

# Ten minutes of load; SOAK_SECONDS=60 for less. What needs a Debian domain 0 is in soak-daemons.
soak-system: dom0 $(ORACLE_XEN) $(HYPERVISOR)
	$(Q)$(SYSTEM_RUN) -m "soak and not debian" $(PYTEST_ARGS)
soak: soak-system
.PHONY: soak soak-system

# Domains by the hundred, and toolstacks that die half way: long. LIFE_CYCLES, LIFE_LINUXES, LIFE_DOMAINS for fewer.
test-life: debian $(ORACLE_XEN) $(HYPERVISOR)
	$(Q)$(SYSTEM_RUN) -m life -s $(PYTEST_ARGS)
.PHONY: test-life

test-system-oracle: dom0 guests debian $(ORACLE_XEN)
	$(Q)$(MAKE) --no-print-directory test-system HYPERVISOR=$(ORACLE_XEN)
.PHONY: test-system test-matrix test-system-oracle
