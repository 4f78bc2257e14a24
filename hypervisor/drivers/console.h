/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console: the log's way out (serial, VGA, ring), the keyboard's way in, and what domain 0 writes and reads through console_io. */
#ifndef DRIVERS_CONSOLE_H
#define DRIVERS_CONSOLE_H

#include "hv/types.h"

void console_init_early(void);
/* Input by interrupt, from when the interrupt controllers run. */
void console_start_input(void);
/* Raw text from a guest (console_io write by domain 0), already copied in. */
void console_write_guest(const char *text, size_t n);
/* Input meant for domain 0. Returns the number of bytes copied. */
size_t console_read_guest(char *buf, size_t n);
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
/* Panic: output goes on even if the lock's holder is stopped. */
void console_force_unlock(void);
/* A byte came from the keyboard while the hypervisor had it: debug/keys.c. */
extern void (*console_key_handler)(char key);
/* From now on SOFTIRQ_CONSOLE, which is the caller's, is raised when there is more in the ring. */
void console_announce_output(void);
/* Input for domain 0 has arrived: the top sends VIRQ_CONSOLE. */
extern void (*console_input_for_domain0)(void);

#endif
