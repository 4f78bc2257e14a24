/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing to our own code, which no mapping allows: CR0.WP is cleared for the moment, interrupts off, on the
 * only processor that runs. CPUID makes the processor forget what it fetched before (SDM 3A 9.1.3). An
 * interrupt that cannot be kept away (NMI, #MC) would run with WP clear and, at worst, on half a patch: the
 * boot is that short.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/patch.h"
#include "hv/irqflags.h"
#include "hv/string.h"

void patch_poke(void *where, const void *bytes, size_t n)
{
    uint64_t flags = irq_save(), cr0 = read_cr0();

    write_cr0(cr0 & ~CR0_WP);
    memcpy(where, bytes, n);
    write_cr0(cr0);
    (void)cpuid(0);
    irq_restore(flags);
}
