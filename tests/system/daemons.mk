# Our two daemons in the Debian domain 0: a second disk with them, and with what tests/system/test_daemons.py runs there.
PYXS := $(B)/cache/python3-pyxs
# systemd for the boot that has our units started by it; domain 0 has the other libraries that these need.
SYSTEMD := $(addprefix $(B)/cache/,systemd libsystemd-shared libip4tc2)
$(SYSTEMD:%=%/version):
	$(Q)tools/fetch-deb $(notdir $(@D)) $(@D)

# What loads the store without a hypervisor does it there, too.
STORE_LOAD := $(patsubst %,tests/store/%.py,crash daemon wire)

# A guest that uses the store well or badly.
$(eval $(call guest_pv64,storeguest,tests/system/daemons/guest/storeguest.c))

$(B)/debian/daemons.img: $(B)/guests/storeguest-pv64 $(B)/tools/xenstored $(B)/tools/xenconsoled $(wildcard toolstack/init/* docs/man/*.8 tests/system/daemons/* tests/system/daemons/systemd/*) $(STORE_LOAD) $(PYXS)/version $(SYSTEMD:%=%/version)
	@mkdir -p $(@D)
	$(Q)rm -rf $(@D)/daemons
	$(Q)$(MAKE) --no-print-directory install-daemons DESTDIR=$(@D)/daemons/files
	$(Q)mkdir -p $(@D)/daemons/files/usr/lib/python3/dist-packages $(@D)/daemons/files/usr/local/bin
	$(Q)cp -r $(PYXS)/usr/lib/python3/dist-packages/pyxs $(@D)/daemons/files/usr/lib/python3/dist-packages/
	$(Q)install -D -m 644 $(B)/guests/storeguest-pv64 $(@D)/daemons/files/guest/storeguest
	$(Q)install -D -m 644 tests/system/daemons/bare.cfg $(@D)/daemons/files/etc/xen/bare.cfg
	$(Q)cp tests/system/daemons/setup $(@D)/daemons/
	$(Q)install -m 755 -t $(@D)/daemons/files/usr/local/bin $(wildcard tests/system/daemons/*.py tests/system/daemons/*.sh) $(STORE_LOAD)
	$(Q)mkdir -p $(@D)/daemons/systemd/usr
	$(Q)for part in $(wildcard $(SYSTEMD:%=%/bin) $(SYSTEMD:%=%/lib) $(SYSTEMD:%=%/sbin) $(SYSTEMD:%=%/usr/*)); do cp -a $$part $(@D)/daemons/systemd/usr/; done
	$(Q)rm -rf $(@D)/daemons/systemd/usr/share
	$(Q)install -D -m 755 tests/system/daemons/systemd/init $(@D)/daemons/systemd/usr/sbin/other-init
	$(Q)install -D -m 755 -t $(@D)/daemons/systemd/usr/local/bin tests/system/daemons/systemd/dom0-shell
	$(Q)install -D -m 644 -t $(@D)/daemons/systemd/usr/lib/systemd/system tests/system/daemons/systemd/dom0-shell.service
	$(Q)PATH="$$PATH:/usr/sbin:/sbin" mke2fs -q -F -t ext2 -E root_owner=0:0 -d $(@D)/daemons $@.tmp 48M
	$(Q)mv $@.tmp $@
debian: $(B)/debian/daemons.img

# All of tests/system/test_daemons.py, also the long ones: make test-daemons HYPERVISOR=build/oracle/xen; DAEMONS=debian for Debian's daemons.
# On a busy machine: STEADY=1 PATIENCE=6.
test-daemons: debian $(ORACLE_XEN) $(HYPERVISOR)
	$(Q)B=$(B) JOBS=1 $(PYTHON) tests/system/run.py --hypervisor=$(HYPERVISOR) -m "debian or long" -k test_daemons $(PYTEST_ARGS)

# The store dies and updates itself a thousand times each, and a hostile guest for ten minutes beside a good one: an hour. SOAK_TIMES=20,
# SOAK_SECONDS=60 for less; SOAK_HOW=kill or update for one of the two.
soak-daemons: debian $(ORACLE_XEN) $(HYPERVISOR)
	$(Q)B=$(B) JOBS=1 $(PYTHON) tests/system/run.py --hypervisor=$(HYPERVISOR) -m soak -k "test_hostile_neighbour or test_store_again" $(PYTEST_ARGS)
soak: soak-daemons
.PHONY: test-daemons soak-daemons
