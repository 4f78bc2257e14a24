# Fuzz targets: every tests/fuzz/NAME_fuzz.c is one libFuzzer program. Lines in its head name what it is made of:
#   FUZZ-SOURCES: hypervisor/lib/elf.c ...
#   FUZZ-FLAGS: -lz
#   FUZZ-SECONDS: 600
#   FUZZ-SEEDS: a command that fills the folder which is its last argument
# `make fuzz` builds all with ASan and UBSan and runs each for its FUZZ-SECONDS (60 if it names none; `make fuzz FUZZ_SECONDS=N` is for all) on a
# corpus that is kept in $(B)/fuzz; the first finding fails it, and the input is left beside the corpus. `make fuzz-NAME` runs one, and
# `make fuzz-sample`, a part of `make test`, a few seconds of those that read what a guest or another program wrote.
FUZZ_SAMPLE_SECONDS ?= 5
FUZZ_SAMPLE := xenstored_wire xenstored_state
FUZZ_CC ?= clang
FUZZ_NAMES := $(patsubst %_fuzz,%,$(basename $(notdir $(wildcard tests/fuzz/*_fuzz.c))))
FUZZ_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-unused-parameter -DUNIT_HOSTED $(XEN_CPPFLAGS) \
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
    -I. -Ihypervisor -Ihypervisor/include -Itests/unit/include

fuzz-seconds = $(or $(FUZZ_SECONDS),$(call fuzz-words,FUZZ-SECONDS,$(1)),60)
fuzz-words = $(shell sed -n 's/.*$(1): *//p' tests/fuzz/$(2)_fuzz.c)

define fuzz_rule
$(B)/fuzz/$(1)_fuzz: tests/fuzz/$(1)_fuzz.c $(call fuzz-words,FUZZ-SOURCES,$(1)) tests/fuzz/fuzz.mk
	@mkdir -p $$(@D)
	$$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -o $$@ tests/fuzz/$(1)_fuzz.c $(call fuzz-words,FUZZ-SOURCES,$(1)) $(call fuzz-words,FUZZ-FLAGS,$(1))
	$$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -MM -MP -MT $$@ tests/fuzz/$(1)_fuzz.c $(call fuzz-words,FUZZ-SOURCES,$(1)) >$$@.d

fuzz-$(1): $(B)/fuzz/$(1)_fuzz
	@mkdir -p $(B)/fuzz/$(1).corpus
	$$(Q)$(if $(call fuzz-words,FUZZ-SEEDS,$(1)),$(call fuzz-words,FUZZ-SEEDS,$(1)) $(B)/fuzz/$(1).corpus)
	@echo "  FUZZ    $(1) for $(call fuzz-seconds,$(1)) s"
	$$(Q)$$< -max_total_time=$(call fuzz-seconds,$(1)) -timeout=10 -print_final_stats=1 -verbosity=0 \
	    -artifact_prefix=$(B)/fuzz/$(1)- $(B)/fuzz/$(1).corpus
.PHONY: fuzz-$(1)
endef
$(foreach n,$(FUZZ_NAMES),$(eval $(call fuzz_rule,$(n))))
-include $(FUZZ_NAMES:%=$(B)/fuzz/%_fuzz.d)

fuzz: $(FUZZ_NAMES:%=fuzz-%)
fuzz-sample:
	$(Q)$(MAKE) --no-print-directory FUZZ_SECONDS=$(FUZZ_SAMPLE_SECONDS) $(FUZZ_SAMPLE:%=fuzz-%)
.PHONY: fuzz fuzz-sample
