# How long interrupts stay off and how long nothing looks for pending work, in instructions, under the longest calls that a guest can make.
PREEMPT_TOOLS := $(B)/preempt/stretch.so

$(B)/preempt/stretch.so: tests/preempt/stretch.c tests/lib/qemu_plugin.h
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $<

test-preempt: $(PREEMPT_TOOLS) $(B)/guests/preempt-pv64 $(B)/xenios
	$(Q)$(PYTHON) tests/preempt/run.py --hypervisor $(B)/xenios --symbols $(B)/xenios-syms --guest $(B)/guests/preempt-pv64 --plugin $(PREEMPT_TOOLS)
.PHONY: test-preempt
