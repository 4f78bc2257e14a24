/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine checks (SDM 3B 15; APM 2 9): errors that the processors' banks report are logged, kept for domain
 * 0's mcelog, and end the machine if what runs cannot be trusted any more. Corrected errors are found by
 * looking at the banks now and then.
 *
 * The queue of records has a lock of its own that a machine check may find held on its own processor: a
 * handler takes what is free, or logs only.
 */
#ifndef ARCH_X86_MCA_MCA_H
#define ARCH_X86_MCA_MCA_H

#include "core/hypercall.h"
#include <xen/arch-x86/xen-mca.h>

#define MCA_BANKS_MAX 64
#define MCA_RECORDS   16

/* Boot processor, then each other: reports what was left over, switches the banks on. Interrupts off. */
void mca_init_cpu(void);
/* Once timers work: looks for corrected errors. */
void mca_start_polling(void);

/* One error, from any context. Counted, but not kept, if there is no room. */
void mca_record_error(unsigned int bank, uint64_t status, uint64_t address, uint64_t misc,
                      uint64_t global_status, uint32_t flags);
/* For the debug key 'i'. */
void mca_dump(void);
/* The oldest record not yet given out that is urgent or not: its id (never 0), or 0 if there is none. Filled in. */
uint64_t mca_fetch(bool urgent, struct mc_info *out);
/* It was fetched in vain: the next one who fetches gets it. */
void mca_return(uint64_t id);
/* Done with it. False: no such record. */
bool mca_acknowledge(uint64_t id);

long do_mca(struct hypercall *hc);

#endif
