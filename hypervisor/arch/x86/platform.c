/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch/x86/platform.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/clock/clock.h"
#include "arch/x86/cpu_policy.h"
#include "arch/x86/io_access_init.h"
#include "arch/x86/irq/irq.h"
#include "arch/x86/irq/pirq.h"
#include "arch/x86/mca/mca.h"
#include "arch/x86/smp.h"
#include "arch/x86/tlb.h"
#include "arch/x86/traps.h"
#include "arch/x86/boot/bootinfo.h"
#include "core/heap.h"
#include "core/options.h"
#include "drivers/acpi/acpi.h"
#include "drivers/pci/config.h"
#include "hv/frame.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/string.h"
#include <xen/arch-x86/cpufeatureset.h>

/* SDM 3A 11.12.4 wants the caches written back where a memory type changes; nothing is mapped with the
 * changed entries yet. */
static void set_pat(void)
{
    if (cpu_policy_has(&raw_policy, XEN_X86_FEATURE_PAT))
        wrmsr(MSR_PAT, PLATFORM_PAT);
    tlb_flush_local(TLB_FLUSH | TLB_FLUSH_GLOBAL);
}

void platform_init_cpu(void)
{
    set_pat();
    apic_init_cpu();
    mca_init_cpu();
}

static bool firmware_is_asked(void)
{
    const char *text = option_string("numa");

    return option_bool("numa", true) && !(text && strcmp(text, "noacpi") == 0);
}

static void find_nodes(unsigned int cpus)
{
    static struct numa found;
    const char *problem = NULL;

    numa_make_one(&found, boot_info.memory, boot_info.memory_count);
    if (firmware_is_asked())
        problem = numa_make(&found, &acpi, boot_info.memory, boot_info.memory_count);
    if (problem)
        printk("NUMA: %s: the machine is taken for one node\n", problem);
    for (unsigned int cpu = 0; cpu < cpus; cpu++)
        numa_place_cpu(&found, &acpi, cpu, cpu_apic_id[cpu]);
    if (!heap_set_nodes(&found))
        cannot_boot("no memory for the lists of %u nodes\n", found.nodes);
    for (unsigned int node = 0; numa.nodes > 1 && node < numa.nodes; node++)
        log_info("NUMA: node %u, frames %lx to %lx\n", node, numa.span[node].start, numa.span[node].end);
}

void platform_init(paddr_t rsdp)
{
    unsigned int cpus, limit = option_string("nosmp") ? 1 : (unsigned int)option_number("maxcpus", MAX_CPUS);

    /* Before the local APIC's LINT0 is masked: QEMU leaves an 8259 interrupt that was pending then with the
     * processor, which finds no vector for it. */
    i8259_init();
    if (option_bool("acpi", true))
        (void)acpi_init(rsdp);
    pci_config_init();
    apic_init(option_bool("x2apic", false));
    clock_init();
    cpu_policy_init(max_mfn << PAGE_SHIFT);
    apic_timer_calibrate();
    cpus = smp_enumerate(limit ? limit : 1);
    find_nodes(cpus);
    platform_init_cpu();
    if (irq_init(cpus))
        cannot_boot("no memory for the table of interrupts\n");
    pirq_init();
    io_access_init();
    wallclock_init();
    panic_stop_others = smp_stop_others;
    nmi_init();
}
