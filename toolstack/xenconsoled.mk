# The console daemon. console.c, the ring and the backlog, makes no system call.
XENCONSOLED_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter $(XEN_CPPFLAGS) -I.
XENCONSOLED_SRC := $(sort $(wildcard toolstack/xenconsoled/*.c))

$(B)/toolstack/xenconsoled/%.o: toolstack/xenconsoled/%.c toolstack/xenconsoled.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(XENCONSOLED_CFLAGS) -MMD -MP -c -o $@ $<
-include $(XENCONSOLED_SRC:%.c=$(B)/%.d)

$(B)/tools/xenconsoled: $(XENCONSOLED_SRC:%.c=$(B)/%.o) $(patsubst %.c,$(B)/%.o,$(sort $(wildcard toolstack/common/*.c)))
	@mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ -lxenstore -lxencall -lxenevtchn -lxengnttab -lxenforeignmemory
all: $(B)/tools/xenconsoled
