# The hypervisor: build/xenios-syms (64-bit ELF for gdb) and build/xenios (the 32-bit container that multiboot loaders take).
HV_SRC := $(shell find hypervisor -name '*.c' -o -name '*.S') $(wildcard abi/*.c)
HV_SRC := $(filter-out hypervisor/arch/x86/entry/offsets.c,$(HV_SRC))
HV_OBJ := $(patsubst %,$(B)/hv/%.o,$(HV_SRC))
DEBUG ?= 0

HV_CPPFLAGS := $(XEN_CPPFLAGS) -I. -Ihypervisor -Ihypervisor/include -I$(B)/hv/include
HV_CFLAGS := -std=gnu11 -ffreestanding -O2 -g -fPIE -fvisibility=hidden -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
    -fno-strict-aliasing -fno-jump-tables -fno-asynchronous-unwind-tables -fno-common -ffunction-sections -fdata-sections \
    -Wall -Wextra -Werror -Wno-unused-parameter -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wundef
ifneq ($(findstring clang,$(CC)),)
HV_CFLAGS += -mretpoline -mretpoline-external-thunk -Wno-unknown-warning-option -Wno-address-of-packed-member
else
HV_CFLAGS += -mindirect-branch=thunk-extern -mindirect-branch-register -mfunction-return=thunk-extern -fno-delete-null-pointer-checks
endif
ifeq ($(DEBUG),1)
HV_CFLAGS += -DDEBUG -fsanitize=undefined -fno-sanitize=alignment,null,object-size,pointer-overflow,nonnull-attribute,returns-nonnull-attribute
endif
HV_CFLAGS += -include hypervisor/include/hv/hidden.h $(HV_EXTRA_CFLAGS)

# The kernel decompressors (docs/decisions): Debian's static libraries.
HV_LIBS := $(shell $(CC) -print-file-name=liblzma.a) $(shell $(CC) -print-file-name=libzstd.a) $(shell $(CC) -print-file-name=libz.a) $(shell $(CC) -print-file-name=liblz4.a)
HV_LDFLAGS := -nostdlib -static --no-dynamic-linker -z noexecstack --no-warn-rwx-segments -z max-page-size=4096 --gc-sections --build-id=sha1 -T hypervisor/xenios.lds

# What offsets.c puts into the assembly is no assembly: clang must not read it.
ifneq ($(findstring clang,$(CC)),)
OFFSETS_CFLAGS := -fno-integrated-as
endif
$(B)/hv/include/offsets.h: hypervisor/arch/x86/entry/offsets.c hypervisor/hypervisor.mk $(shell find hypervisor abi -name '*.h')
	@mkdir -p $(@D)
	$(Q)$(CC) $(HV_CPPFLAGS) $(filter-out -fsanitize%,$(HV_CFLAGS)) $(OFFSETS_CFLAGS) -S -o $(@:.h=.s) $<
	$(Q)sed -n 's/^.*->\([A-Za-z0-9_]*\) \$$*\(-*[0-9]*\).*$$/#define \1 \2/p' $(@:.h=.s) > $@

# What xen_version says of the source: written at each start of make, changed only if the commit did.
$(shell $(PYTHON) tools/source_date.py $(B)/hv/include/source.h)
$(B)/hv/%.c.o: %.c $(B)/hv/include/offsets.h hypervisor/hypervisor.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(HV_CPPFLAGS) $(HV_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/hv/%.S.o: %.S $(B)/hv/include/offsets.h hypervisor/hypervisor.mk
	@mkdir -p $(@D)
	@echo "  AS      $<"
	$(Q)$(CC) $(HV_CPPFLAGS) -D__ASSEMBLY__ -g -MMD -MP -c -o $@ $<

# Linked twice: the first pass gives the addresses for the symbol table that the second carries inside.
$(B)/hv/symbols.0.S:
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/symbols.py < /dev/null > $@
$(B)/hv/symbols.1.S: $(B)/hv/pass1
	$(Q)nm -n $< | $(PYTHON) tools/symbols.py > $@
$(B)/hv/symbols.2.S: $(B)/hv/pass2
	$(Q)nm -n $< | $(PYTHON) tools/symbols.py > $@
$(B)/hv/symbols.%.o: $(B)/hv/symbols.%.S
	$(Q)$(CC) -c -o $@ $<
$(B)/hv/pass1: $(HV_OBJ) $(B)/hv/symbols.0.o hypervisor/xenios.lds
	$(Q)ld $(HV_LDFLAGS) -o $@ $(HV_OBJ) $(B)/hv/symbols.0.o --start-group $(HV_LIBS) --end-group
$(B)/hv/pass2: $(HV_OBJ) $(B)/hv/symbols.1.o hypervisor/xenios.lds
	$(Q)ld $(HV_LDFLAGS) -o $@ $(HV_OBJ) $(B)/hv/symbols.1.o --start-group $(HV_LIBS) --end-group
$(B)/xenios-syms: $(HV_OBJ) $(B)/hv/symbols.2.o hypervisor/xenios.lds
	@echo "  LD      $@"
	$(Q)ld $(HV_LDFLAGS) -o $@ $(HV_OBJ) $(B)/hv/symbols.2.o --start-group $(HV_LIBS) --end-group
# The release image is under 1 MiB. Not so what is built with assertions, or with flags of somebody's own.
HV_SIZE_LIMIT := $(if $(filter 1,$(DEBUG))$(HV_EXTRA_CFLAGS),,1048576)
$(B)/xenios: $(B)/xenios-syms tools/mkelf32.py hypervisor/hypervisor.mk
	@echo "  ELF32   $@"
	$(Q)$(PYTHON) tools/mkelf32.py $< $@ $(HV_SIZE_LIMIT)

all: $(B)/xenios
-include $(shell find $(B)/hv -name '*.d' 2>/dev/null)
