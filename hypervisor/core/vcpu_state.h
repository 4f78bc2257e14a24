/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose state the processors hold: page tables, descriptor tables, segments, FPU, debug registers. A processor that goes idle keeps its last vcpu's
 * (docs/design/smp.md, "Idle processors", where the invariants LS1 to LS8 stand).
 */
#ifndef CORE_VCPU_STATE_H
#define CORE_VCPU_STATE_H

#include "core/domain.h"

/*
 * Makes `next` current on this processor, and its state the processor's, unless it is the idle vcpu, for
 * which nothing is loaded. Nobody else can choose `next` meanwhile (is_running). Interrupts off, no lock
 * held.
 */
void vcpu_switch(struct vcpu *next);
/*
 * Returns when no processor holds v's state: all of it is in memory, and v's tables are in no processor's
 * CR3, GDTR or LDTR. v is not running and cannot start to (it is paused, down, or the caller's to run).
 * Interrupts on or off; no lock of RANK_TLB or above.
 */
void vcpu_sync_state(struct vcpu *v);
/* Puts away what this processor holds of a vcpu that is not current here; afterwards it holds no translation of that domain either. Any context. */
void vcpu_put_away_idle(void);

/* The processor that holds v's state, MAX_CPUS if none does. A change of v's page tables must be followed by a full barrier before this is asked. */
static inline unsigned int vcpu_loaded_cpu(const struct vcpu *v)
{
    unsigned int loaded = __atomic_load_n(&v->loaded_on, __ATOMIC_ACQUIRE);

    return loaded ? loaded - 1 : MAX_CPUS;
}

#endif
