/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console: the log's way out (serial, VGA, ring), the keyboard's way in, and what domain 0 writes and reads through console_io. */
#ifndef DRIVERS_CONSOLE_H
#define DRIVERS_CONSOLE_H

#include "hv/types.h"

void console_init_early(void);
/*
 * From now on, interrupts bring input, and output need not wait for the line (unless sync_console). The interrupt controllers and timers
 * run, interrupts are on, and somebody calls console_take_news().
 */
void console_start_interrupts(void);
/* Does the line take that much text from a guest without being waited for? The hypervisor's own lines find room also where this says no. */
bool console_has_room(size_t n);
/* Raw text from a guest (console_io write by domain 0), already copied in. Waits for the line where there is no room. */
void console_write_guest(const char *text, size_t n);
/* Input meant for domain 0. Returns the number of bytes copied. */
size_t console_read_guest(char *buf, size_t n);
/* Firmware says that there is no VGA. */
void console_screen_is_absent(void);
/* Domain 0 exists: input goes there from now on. */
void console_give_to_domain0(void);
/* Reads the ring as XEN_SYSCTL_readconsole does: from *index on (or from the oldest kept), returns bytes copied and advances *index. */
size_t console_ring_read(char *buf, size_t n, uint32_t *index);
void console_ring_clear(void);
/*
 * conring_size=, once there is a heap: `allocate` gives 2^order pages or NULL. What was said before is kept
 * where the ring gets larger, else it is empty.
 */
void console_grow_ring(void *(*allocate)(unsigned int order));
/* For the debug key 'q': how many lines that guests cause were not printed. */
void console_dump(void);
/* The end is near: what was printed is on the wire when this returns, and everything printed from now on is when its call returns. Any context. */
void console_wait_always(void);
/* Panic: the same, and this processor's output goes on even if the lock's holder is stopped. */
void console_force_unlock(void);
/* A byte came from the keyboard while the hypervisor had it: debug/keys.c. */
extern void (*console_key_handler)(char key);
/* The caller's handler of SOFTIRQ_CONSOLE calls this. True: there is more in the ring, which console_announce_output() asked to be told. */
bool console_take_news(void);
void console_announce_output(void);
/* Input for domain 0 has arrived: the top sends VIRQ_CONSOLE. */
extern void (*console_input_for_domain0)(void);

#endif
