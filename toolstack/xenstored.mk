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
