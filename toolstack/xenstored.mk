# The store: the library (no system call in it) and the daemon around it.
XENSTORED_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -fno-strict-aliasing $(XEN_CPPFLAGS) -I.
XENSTORED_LIB_SRC := $(sort $(wildcard toolstack/xenstored/lib/*.c))
XENSTORED_LIB_OBJ := $(XENSTORED_LIB_SRC:%.c=$(B)/%.o)
XENSTORED_HDR := $(wildcard toolstack/xenstored/*/*.h)

$(B)/toolstack/xenstored/%.o: toolstack/xenstored/%.c $(XENSTORED_HDR)
	@mkdir -p $(@D)
	$(Q)$(CC) $(XENSTORED_CFLAGS) -c -o $@ $<

$(B)/toolstack/libxenstored.a: $(XENSTORED_LIB_OBJ)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^
all: $(B)/toolstack/libxenstored.a

# A million random requests against the model, a fresh seed each time.
soak-xenstored: $(B)/tests/unit/xenstored_model
	XENSTORED_MODEL_OPS=1000000 $<
soak: soak-xenstored
.PHONY: soak soak-xenstored

XENSTORED_SRC := $(sort $(wildcard toolstack/xenstored/daemon/*.c))
XENSTORED_LIBS := -lxenevtchn -lxengnttab -lxenforeignmemory -lxencall

$(B)/tools/xenstored: $(XENSTORED_SRC:%.c=$(B)/%.o) $(B)/toolstack/libxenstored.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(XENSTORED_CFLAGS) -o $@ $^ $(XENSTORED_LIBS)
all: $(B)/tools/xenstored
