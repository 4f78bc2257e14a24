# The store: the library (no system call in it) and the daemon around it.
XENSTORED_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -fno-strict-aliasing $(XEN_CPPFLAGS) -I.
# Optimised as a whole where the compiler is GCC; the archive's objects can be linked without that, too.
ifeq ($(findstring clang,$(CC)),)
XENSTORED_CFLAGS += -flto -flto-partition=one -ffat-lto-objects -fno-plt
endif
XENSTORED_LIB_SRC := $(sort $(wildcard toolstack/xenstored/lib/*.c))
XENSTORED_LIB_OBJ := $(XENSTORED_LIB_SRC:%.c=$(B)/%.o)

$(B)/toolstack/xenstored/%.o: toolstack/xenstored/%.c toolstack/xenstored.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(XENSTORED_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/toolstack/libxenstored.a: $(XENSTORED_LIB_OBJ)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^
all: $(B)/toolstack/libxenstored.a

# A million random requests against the model, a fresh seed each time.
soak-store-model: $(B)/tests/unit/xenstored_model
	XENSTORED_MODEL_OPS=1000000 $<
soak: soak-store-model
.PHONY: soak soak-store-model

XENSTORED_SRC := $(sort $(wildcard toolstack/xenstored/daemon/*.c))
XENSTORED_LIBS := -lxenevtchn -lxengnttab -lxenforeignmemory -lxencall

# What both daemons share.
COMMON_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard toolstack/common/*.c)))
$(B)/toolstack/common/%.o: toolstack/common/%.c toolstack/xenstored.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(XENSTORED_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tools/xenstored: $(XENSTORED_SRC:%.c=$(B)/%.o) $(COMMON_OBJ) $(B)/toolstack/libxenstored.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(XENSTORED_CFLAGS) -o $@ $^ $(XENSTORED_LIBS)
all: $(B)/tools/xenstored
-include $(patsubst %.o,%.d,$(XENSTORED_LIB_OBJ) $(XENSTORED_SRC:%.c=$(B)/%.o) $(COMMON_OBJ))

# The daemons here, under a stub of the hypervisor's libraries; Debian's C daemon is the oracle, unpacked and not installed.
XEN_UTILS := xen-utils-4.17
DEBIAN_XENSTORED := $(B)/cache/$(XEN_UTILS)/usr/lib/xen-4.17/bin/xenstored
$(B)/xen_stub.so: tests/system/oracle/xen_stub.c
	$(Q)$(HOSTCC) $(XEN_CPPFLAGS) -Wall -Wextra -Wno-unused-parameter -O1 -shared -fPIC -o $@ $< -ldl

XENSTORE_UTILS := $(B)/cache/xenstore-utils
STORE_TEST_NEEDS := $(XENSTORE_UTILS)/version $(B)/xen_stub.so $(B)/tools/xenstored $(B)/tools/xenconsoled $(B)/cache/$(XEN_UTILS)/version
test-store: $(STORE_TEST_NEEDS)
	$(Q)$(PYTHON) tests/system/oracle/run.py $(B)/xen_stub.so $(B)/tools $(DEBIAN_XENSTORED) $(XENSTORE_UTILS)/usr/bin

soak-store: $(STORE_TEST_NEEDS)
	$(PYTHON) tests/system/oracle/compare.py $(B)/xen_stub.so $(B)/tools/xenstored $(DEBIAN_XENSTORED) --ops 50000
	$(PYTHON) tests/system/oracle/crash.py $(B)/xen_stub.so $(B)/tools/xenstored kill --times 1000
	$(PYTHON) tests/system/oracle/crash.py $(B)/xen_stub.so $(B)/tools/xenstored update --times 1000
	$(PYTHON) tests/system/oracle/twice.py $(B)/xen_stub.so $(B)/tools/xenstored --times 1000
	$(PYTHON) tests/system/oracle/cycles.py $(B)/xen_stub.so $(B)/tools/xenstored 10000
soak: soak-store
.PHONY: test-store soak-store
