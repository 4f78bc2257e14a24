# The guest kit and what is built from it: build/guests/NAME-MODE. A guest is a folder tests/guest/NAME/ or a file
# tests/guest/NAME.c; GUEST_DIRS lists where to look. MIT licence.
GUESTKIT_LIB := $(wildcard guestkit/lib/*.c)
GUESTKIT_CFLAGS := -std=gnu11 -O2 -g -m64 -ffreestanding -fno-builtin -Wall -Wextra -Werror -Wno-unused-parameter \
    -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fno-pie -fno-stack-protector -fno-strict-aliasing \
    -fno-asynchronous-unwind-tables -fcf-protection=none -fno-omit-frame-pointer $(XEN_CPPFLAGS) -Iguestkit/include
GUESTKIT_PV64 := $(GUESTKIT_LIB) $(wildcard guestkit/lib/pv64/*.c)
GUESTKIT_PV64_OBJ := $(GUESTKIT_PV64:%.c=$(B)/pv64/%.o) $(B)/pv64/guestkit/lib/pv64/entry.o

$(B)/pv64/%.o: %.c guestkit/guestkit.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(GUESTKIT_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/pv64/%.o: %.S guestkit/guestkit.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(GUESTKIT_CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(B)/pv64 -name '*.d' 2>/dev/null)

# $(call guest_pv64,NAME,SOURCES): one guest.
define guest_pv64
$(B)/guests/$(1)-pv64: $(patsubst %.c,$(B)/pv64/%.o,$(2)) $$(GUESTKIT_PV64_OBJ) guestkit/lib/pv64/link.lds guestkit/guestkit.mk
	@mkdir -p $$(@D)
	$$(Q)$$(CC) -m64 -nostdlib -static -Wl,-T,guestkit/lib/pv64/link.lds -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	    -Wl,--no-warn-rwx-segments -o $$@ $$(filter %.o,$$^)
GUESTS += $(B)/guests/$(1)-pv64
endef
