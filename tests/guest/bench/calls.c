/* SPDX-License-Identifier: MIT */
/* Hypercalls that touch no memory, and emulated instructions. */
#include "bench.h"

/* A number that nobody has: the bare way in and out. */
BENCH(null_hypercall, 1)
{
    while (n--)
        kit_hypercall1(11, 0);
}

BENCH(xen_version, 1)
{
    while (n--)
        hcall_xen_version(XENVER_version, NULL);
}

BENCH(multicall_8_null, 1)
{
    static multicall_entry_t list[8];

    for (unsigned i = 0; i < 8; i++)
        list[i].op = __HYPERVISOR_xen_version;
    while (n--)
        hcall_multicall(list, 8);
}

BENCH(stack_switch, 1)
{
    uintptr_t top = (uintptr_t)kit_this()->trap_stack + KIT_STACK_SIZE;

    while (n--)
        hcall_stack_switch(FLAT_KERNEL_SS, top);
}

BENCH(fpu_taskswitch, 1)
{
    while (n--)
        hcall_fpu_taskswitch(0);
}

BENCH(set_segment_base, 1)
{
    while (n--)
        hcall_set_segment_base(SEGBASE_FS, 0x1000);
}

BENCH(yield, 1)
{
    while (n--)
        hcall_sched_op(SCHEDOP_yield, NULL);
}

BENCH(cpuid, 1)
{
    while (n--)
        kit_cpuid(1, 0);
}

BENCH(rdmsr, 1)
{
    uint32_t lo, hi;

    while (n--)
        __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(MSR_FS_BASE));
}

BENCH(wrmsr, 1)
{
    while (n--)
        __asm__ volatile("wrmsr" ::"a"(0x1000), "d"(0), "c"(MSR_FS_BASE));
}

static void open_ports(void)
{
    struct physdev_set_iopl op = {.iopl = 1};

    hcall_physdev_op(PHYSDEVOP_set_iopl, &op);
}

BENCH(io_in, 1)
{
    open_ports();
    while (n--)
        kit_inb(PORT_POST);
}

BENCH(io_out, 1)
{
    open_ports();
    while (n--)
        kit_outb(PORT_POST, 0);
}

/* CMOS's index: never the machine's. */
BENCH(io_in_shared, 1)
{
    open_ports();
    while (n--)
        kit_inb(PORT_RTC_INDEX);
}

BENCH(io_out_shared, 1)
{
    open_ports();
    while (n--)
        kit_outb(PORT_RTC_INDEX, 0x0d);
}

BENCH(read_cr0, 1)
{
    uint64_t v;

    while (n--)
        __asm__ volatile("mov %%cr0, %0" : "=r"(v));
}

BENCH(clts, 1)
{
    while (n--)
        __asm__ volatile("clts");
}
