/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start-up: a list of named steps, in order. */
#include "arch/x86/boot/bootinfo.h"
#include "arch/x86/boot/main.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/desc.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/image.h"
#include "arch/x86/spec.h"
#include "core/heap.h"
#include "core/options.h"
#include "drivers/console.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "top/version.h"

/* The boot page tables' direct map: the first 4 GiB, where every loader leaves what it has for us. */
static const void *boot_at(paddr_t pa)
{
    return (const void *)(DIRECT_MAP_START + pa);
}

static void print_memory_map(void)
{
    static const char *const types[] = {"?", "usable", "reserved", "ACPI data", "ACPI NVS", "unusable"};

    printk("Memory map:\n");
    for (unsigned int i = 0; i < boot_info.memory_count; i++) {
        const struct memory_range *r = &boot_info.memory[i];

        printk(" [%016lx, %016lx] (%s)\n", r->start, r->end - 1,
               types[r->type < ARRAY_SIZE(types) ? r->type : 0]);
    }
}

static void report_lost(void)
{
    const struct boot_info *b = &boot_info;

    if (b->lost_ranges)
        printk("More than %u memory ranges: %u are left out, and with them %lu KiB of RAM\n",
               MAX_MEMORY_RANGES, b->lost_ranges, b->lost_ram >> 10);
    if (b->lost_modules)
        printk("More than %u modules: the last %u are ignored\n", MAX_BOOT_MODULES, b->lost_modules);
    if (b->lost_efi_regions)
        printk("More than %u memory regions of EFI's run-time services: %u are left out, and a service that "
               "needs one fails\n",
               MAX_EFI_REGIONS, b->lost_efi_regions);
}

void boot_main(uint32_t magic, uint32_t info)
{
    const char *problem = boot_info_read(magic, info, boot_at);

    options_parse(boot_info.line);
    console_init_early();
    printk("Xenios %s (compatible with Xen %u.%u)\n", version_text(), XENIOS_XEN_MAJOR, XENIOS_XEN_MINOR);
    if (problem)
        cannot_boot("%s\n", problem);
    printk("Boot loader: %s\n", boot_info.loader);
    printk("Command line: %s\n", options_line());
    options_report_unknown();
    print_memory_map();
    report_lost();
    if (ram_bytes() < MiB(64))
        cannot_boot("this machine has %lu MiB of memory; Xenios needs 64 MiB for itself and more for "
                    "domain 0.\n",
                    ram_bytes() >> 20);

    cpu_features_find(cpuid_count);
    spec_init(); /* how things are mapped depends on it */
    hostmap_init();
    printk("System RAM: %lu MiB, %lu MiB free for domains\n", ram_bytes() >> 20, heap_free_frames() >> 8);
    idt_init();
    if (!cpu_prepare(0))
        cannot_boot("no memory for the first processor's tables.\n");
    cpu_enter(0);
    boot_continue();
}
