/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The time stamp counter that a domain is given: the processor's own, or one that is made from system time (xen-tscmode; domctl settscinfo). Pure: what is known of
 * the machine is a parameter.
 *
 * An emulated counter is the exact inverse of the scale in the guest's time records, from one stamp on, the moment when it was set. So the record of all vcpus is that stamp,
 * it never changes, and what a guest makes of RDTSC with it stays what the hypervisor means by system time, however long it runs.
 */
#ifndef ARCH_X86_CLOCK_GUEST_TSC_H
#define ARCH_X86_CLOCK_GUEST_TSC_H

#include "arch/x86/clock/clock.h"

/* xen/arch-x86/cpuid.h, leaf 0x40000003, EBX */
enum guest_tsc_mode {
    GUEST_TSC_DEFAULT, /* emulated if another frequency than the machine's is asked for */
    GUEST_TSC_EMULATED,
    GUEST_TSC_NATIVE,
    GUEST_TSC_MODES,
};

/* All zero: the processor's own counter, of which nobody has said anything; the domain that owns the machine has that. */
struct guest_tsc {
    uint8_t mode;
    bool emulated;
    uint32_t khz;             /* as asked for, or the machine's; kept, but without meaning, in native mode */
    uint32_t incarnation;     /* how often it was set by a restore: one more than the toolstack says */
    uint64_t elapsed;         /* ns that it had counted at the stamp */
    struct tsc_record record; /* the stamp, and the scale */
    uint64_t last;            /* the highest that was given out, whichever vcpu asked; atomic */
};

/* What a toolstack sets and gets. */
struct guest_tsc_state {
    uint32_t mode, khz, incarnation;
    uint64_t elapsed; /* ns */
};

struct guest_tsc_host {
    uint32_t khz;
    uint64_t tsc; /* now */
    s_time_t now;
};

/* -EINVAL: there is no such mode, and nothing has changed. khz 0 is the machine's frequency. No vcpu of the domain runs. */
int guest_tsc_set(struct guest_tsc *t, const struct guest_tsc_state *asked, const struct guest_tsc_host *host)
    __must_check;
/* What guest_tsc_set() makes the counter go on from elsewhere. */
void guest_tsc_get(const struct guest_tsc *t, const struct guest_tsc_host *host, struct guest_tsc_state *out);
/* The emulated counter at a system time; one before the stamp gives the stamp's. */
uint64_t guest_tsc_at(const struct guest_tsc *t, s_time_t now);
/* The same for a guest that reads it: never less than any vcpu of the domain was given before, where processors' clocks are not in step. */
uint64_t guest_tsc_read(struct guest_tsc *t, s_time_t now);
/* What does not hold of it, counted. */
unsigned int guest_tsc_audit(const struct guest_tsc *t, s_time_t now);

#endif
