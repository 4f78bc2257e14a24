/* SPDX-License-Identifier: MIT */
/* What a privileged guest may ask of the hypervisor's debugging aids, by sysctl. */
#ifndef KIT_AUDIT_H
#define KIT_AUDIT_H

#include <kit/types.h>

/* As if the keys had been typed at the hypervisor's console. 0, or negative errno; the work is done later. */
long kit_debug_keys(const char *keys);

/*
 * Reads the hypervisor's console ring from *index on (0: the oldest kept) and moves *index behind what was read. Returns the number of
 * bytes, at most size, or negative errno.
 */
long kit_console_ring(char *buf, unsigned size, uint32_t *index);

/*
 * Has the hypervisor audit itself (debug key 'A', Xenios only). Returns the number of violations, -1 without an answer in 20 s, or -2 if it had
 * no memory to do it twice (once: that may have been `fail-alloc=`).
 */
long kit_audit(void);

#endif
