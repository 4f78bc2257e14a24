# Domain 0's image: Debian's kernel exactly as shipped, and an initramfs. `make KERNEL_PACKAGE=linux-image-6.12-amd64 B=build-6.12` for
# another kernel; the unpacked packages are kept in $(B)/cache.
KERNEL_PACKAGE ?= linux-image-amd64
KERNEL_DIR := $(B)/cache/$(KERNEL_PACKAGE)

DOM0_PROGRAMS := $(patsubst dom0/src/%.c,$(B)/dom0/bin/%,$(wildcard dom0/src/*.c))
DOM0_CFLAGS := -std=gnu11 -O2 -g0 -Wall -Wextra -Werror -static -pthread

$(B)/dom0/bin/%: dom0/src/%.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(DOM0_CFLAGS) -o $@ $<

# Any Debian package, unpacked but not installed.
$(B)/cache/%/version: | tools/fetch-deb
	$(Q)tools/fetch-deb $* $(B)/cache/$*
.PRECIOUS: $(B)/cache/%/version

$(B)/vmlinuz: $(KERNEL_DIR)/version
	$(Q)cp $(KERNEL_DIR)/boot/vmlinuz-* $@

$(B)/dom0.cpio.gz: $(KERNEL_DIR)/version dom0/make-initramfs dom0/init dom0/modules dom0/profile dom0/banner dom0/udhcpc.script \
    $(wildcard dom0/tests/*.sh) $(DOM0_PROGRAMS)
	$(Q)dom0/make-initramfs $(KERNEL_DIR) $@ $(DOM0_PROGRAMS)

dom0: $(B)/vmlinuz $(B)/dom0.cpio.gz
.PHONY: dom0
all: dom0
