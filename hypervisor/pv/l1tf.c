/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The L1TF rule's numbers, and the end of who breaks it. */
#include "arch/x86/cpu.h"
#include "hv/errno.h"
#include "pv/mmu.h"

/* Some processors report fewer address bits than their caches compare (Intel, "Deep Dive: L1 Terminal Fault"): at least this many count. */
#define LEAST_CACHE_BITS 44

struct l1tf_limits l1tf_limits;

void pv_l1tf_init(void)
{
    unsigned int bits = cpuid(0x80000000).a >= 0x80000008 ? cpuid(0x80000008).a & 0xff : 36;

    l1tf_limits.address = ((1ULL << max(bits, (unsigned int)LEAST_CACHE_BITS)) - 1) & PTE_ADDRESS;
    l1tf_limits.end = max_mfn << PAGE_SHIFT;
}

int pv_l1tf_broken(struct domain *d, struct hypercall *hc, uint64_t pte)
{
    if (hc && hc->vcpu->domain == d)
        domain_crash(hc->vcpu,
                     "the not-present page table entry %#lx names memory, which this processor would read "
                     "speculatively (L1TF). Use a kernel that knows of L1TF, or the option pv-l1tf=off\n",
                     pte);
    return -EINVAL;
}
