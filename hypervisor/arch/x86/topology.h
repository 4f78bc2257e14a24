/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a processor sits, told from its APIC id (SDM 3A 9.9; APM 3, E.5). Every processor of a machine splits its id at the same bits. */
#ifndef ARCH_X86_TOPOLOGY_H
#define ARCH_X86_TOPOLOGY_H

#include "hv/types.h"

struct cpuid_regs;

struct cpu_topology {
    unsigned int thread_bits,
        core_bits; /* of the APIC id: thread in core, core in socket; the rest is the socket */
    unsigned int threads_per_core, cores_per_socket; /* as the first processor says; at least 1 */
};

/* `read` answers as CPUID does. */
void topology_read(struct cpu_topology *t, struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf));
/* This machine's. */
const struct cpu_topology *topology(void);

static inline uint32_t topology_core(const struct cpu_topology *t, uint32_t apic_id)
{
    return apic_id >> t->thread_bits & ((1u << t->core_bits) - 1);
}

static inline uint32_t topology_socket(const struct cpu_topology *t, uint32_t apic_id)
{
    return apic_id >> (t->thread_bits + t->core_bits);
}

#endif
