# A Debian 12 domain 0 with Xen's own tools: test_xl.py and its like drive it, on either hypervisor. debootstrap's result is kept in
# $(B)/cache, the image is made anew when its parts change.
DEBIAN_ROOT := $(B)/cache/debian-12
DEBIAN_PROGRAMS := $(patsubst tests/system/debian/%.c,$(B)/debian/%,$(wildcard tests/system/debian/*.c)) $(B)/debian/die_at_call.so

$(DEBIAN_ROOT)/version: | tests/system/debian/make-root tests/system/debian/packages
	$(Q)tests/system/debian/make-root $(DEBIAN_ROOT)
.PRECIOUS: $(DEBIAN_ROOT)/version

$(B)/debian/%.so: tests/system/debian/preload/%.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -g0 -Wall -Wextra -Werror -shared -fPIC -o $@ $<

$(B)/debian/%: tests/system/debian/%.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -g0 -Wall -Wextra -Werror -MMD -MP -MF $@.d -o $@ $< -lxenguest -lxenctrl -lxenevtchn -lxenforeignmemory
-include $(DEBIAN_PROGRAMS:%=%.d)

$(B)/debian/dom0.img: $(DEBIAN_ROOT)/version $(KERNEL_DIR)/version $(DEBIAN_PROGRAMS) $(B)/guests/smoke-pv64 $(B)/guests/answer-pv64 $(filter-out %.c %/preload,$(wildcard tests/system/debian/*))
	$(Q)tests/system/debian/make-image $(KERNEL_DIR) $(DEBIAN_ROOT) $(@D) $(B)/guests/smoke-pv64 $(DEBIAN_PROGRAMS) $(B)/guests/answer-pv64

# With the kernel that each machine boots, for a clean clone.
debian: dom0 $(B)/debian/dom0.img
.PHONY: debian
