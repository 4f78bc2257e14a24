/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot loader has left EFI's boot services, and nobody has moved the firmware to virtual addresses: it
 * runs where it is in physical memory. So there is one root whose lower half has the regions that the memory
 * map marks for run time, each at its own address, for us alone; the upper half is the hypervisor as
 * everywhere, stack, buffers and descriptor tables included. A guest's global translations of the same
 * addresses are flushed on the way in (tlb_load_root()).
 *
 * Firmware has bugs. What it touches beyond its regions is a page fault here; firmware_fault() then returns
 * from the call in its stead.
 *
 * Lock: `firmware.lock`, waited for with interrupts on; while a call is under way they are off, since
 * handlers would run on this root.
 */
#include "arch/x86/efi_call.h"
#include "arch/x86/boot/bootinfo.h"
#include "arch/x86/clock/clock.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/layout.h"
#include "arch/x86/tlb.h"
#include "arch/x86/traps.h"
#include "arch/x86/vectors.h"
#include "core/heap.h"
#include "core/options.h"
#include "drivers/efi.h"
#include "hv/errno.h"
#include "hv/irqflags.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "hv/percpu.h"
#include "hv/string.h"
#include "hv/time.h"

#define TABLE_HEADER   24
#define REGION_MAX     (GiB(1) >> PAGE_SHIFT) /* pages; what claims more is no firmware */
#define EFI_UNCACHED   1UL                    /* attribute: may be mapped so; and below, written back */
#define EFI_WRITE_BACK 8UL
#define FAULTED        (~0UL) /* no status of EFI's */
#define LONG_CALL      (100 * NS_PER_MS)

static struct {
    lock_t lock;
    bool ready;
    unsigned int cpu; /* where a call is under way */
    bool under_way;
    uint64_t stack; /* to return to from there after a fault */
    uint64_t *root;
    uint64_t service[EFI_SERVICES];
    s_time_t longest;
} firmware = {.lock = LOCK_INIT(RANK_NONE)};
LOCK_SHOWN(firmware, firmware.lock, "EFI call");

/*
 * uint64_t efi_enter(void *service, const uint64_t argument[5], uint64_t *stack): from our convention to the
 * firmware's (UEFI 2.10, 2.3.4.2: RCX, RDX, R8, R9, then the stack above 32 bytes that are the callee's).
 * efi_leave is where a fault goes on, with RSP as stored.
 */
uint64_t efi_enter(uint64_t service, const uint64_t *argument, uint64_t *stack);
extern char efi_leave[];
__asm__(".pushsection .text\n"
        "efi_enter:\n"
        "        pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
        "        movq %rsp, (%rdx)\n"
        "        movq %rsp, %rbp\n"
        "        andq $-16, %rsp\n"
        "        subq $48, %rsp\n"
        "        movq %rdi, %rax\n"
        "        movq 32(%rsi), %r10\n"
        "        movq %r10, 32(%rsp)\n"
        "        movq (%rsi), %rcx\n"
        "        movq 8(%rsi), %rdx\n"
        "        movq 16(%rsi), %r8\n"
        "        movq 24(%rsi), %r9\n"
        "        cld\n"
        "        call __x86_indirect_thunk_rax\n"
        "        movq %rbp, %rsp\n"
        "        jmp 1f\n"
        "efi_leave:\n"
        "        movq $-1, %rax\n"
        "1:      cld\n"
        "        popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp\n"
        "        jmp __x86_return_thunk\n"
        ".popsection\n");

static uint64_t *table_below(uint64_t *entry)
{
    uint64_t *table;

    if (*entry & PTE_PRESENT)
        return (uint64_t *)(direct_map + (*entry & PTE_ADDRESS));
    table = hv_alloc_page();
    if (table)
        *entry = mfn_to_paddr(va_to_mfn(table)) | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
    return table;
}

/* Code and data share pages in firmware: everything is writable and runs. */
static int map_page(paddr_t pa, uint64_t flags)
{
    uint64_t *table = firmware.root;

    for (unsigned int shift = 39; shift > 12; shift -= 9) {
        table = table_below(&table[pa >> shift & 511]);
        if (!table)
            return -ENOMEM;
    }
    table[pa >> 12 & 511] = pa | flags;
    return 0;
}

static int map_region(const struct efi_region *r)
{
    uint64_t flags = PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;

    if (!(r->attributes & EFI_WRITE_BACK) && r->attributes & EFI_UNCACHED)
        flags |= PTE_PCD | PTE_PWT;
    if (r->pages > REGION_MAX || r->start & (PAGE_SIZE - 1) || r->start >> 47 ||
        (r->start + (r->pages << PAGE_SHIFT)) >> 47)
        return -EINVAL;
    for (uint64_t i = 0; i < r->pages; i++)
        if (map_page(r->start + (i << PAGE_SHIFT), flags))
            return -ENOMEM;
    return 0;
}

static const char *make_root(void)
{
    firmware.root = hv_alloc_page();
    if (!firmware.root)
        return "no memory";
    hostmap_fill_root(firmware.root, 0);
    if (!boot_info.efi_region_count)
        return "the boot loader handed over no EFI memory map with regions for run time";
    for (unsigned int i = 0; i < boot_info.efi_region_count; i++) {
        int rc = map_region(&boot_info.efi_region[i]);

        if (rc == -ENOMEM)
            return "no memory";
        if (rc)
            printk("EFI: a region for run time at %#lx of %lu pages makes no sense: left out\n",
                   boot_info.efi_region[i].start, boot_info.efi_region[i].pages);
    }
    return NULL;
}

/* A trap while the firmware runs. True: it was the firmware's, and the call ends here. */
static bool firmware_fault(struct cpu_user_regs *r)
{
    if (!firmware.under_way || firmware.cpu != cpu_id() || r->entry_vector == VECTOR_NMI ||
        r->entry_vector == VECTOR_MC)
        return false;
    printk("EFI: %s inside a run-time service, error code %#x; they are not called any more\n",
           trap_name(r->entry_vector), r->error_code);
    dump_registers(r);
    firmware.ready = false;
    r->rip = (uint64_t)efi_leave;
    r->rsp = firmware.stack;
    r->cs = HV_CS;
    r->rflags = 2;
    return true;
}

/* For a test of firmware_fault(): the first call runs into a page that is not there, in the firmware's place. */
#define NOT_MAPPED 0x10UL

static void break_services(void)
{
    printk("EFI: run-time services will fault, as efi=fault says\n");
    for (unsigned int i = 0; i < ARRAY_SIZE(firmware.service); i++)
        firmware.service[i] = NOT_MAPPED;
}

void efi_call_init(void)
{
    const uint64_t *table;
    const char *problem;

    if (!efi.present)
        return;
    if (option_list_has(option_string("efi"), "no-rs")) {
        printk("EFI: run-time services are not used, as efi=no-rs says\n");
        return;
    }
    table = efi.runtime ? bios_map(efi.runtime + TABLE_HEADER, sizeof(firmware.service)) : NULL;
    problem = !efi.runtime_revision || !table ? "no table of them" : make_root();
    if (problem) {
        printk("EFI: run-time services cannot be used: %s\n", problem);
        return;
    }
    memcpy(firmware.service, table, sizeof(firmware.service));
    if (option_list_has(option_string("efi"), "fault"))
        break_services();
    trap_in_firmware = firmware_fault;
    firmware.ready = true;
    printk("EFI: run-time services %u.%u, %u regions\n", efi.runtime_revision >> 16,
           (efi.runtime_revision & 0xffff) / 10, boot_info.efi_region_count);
}

bool efi_call_ready(void)
{
    return READ_ONCE(firmware.ready);
}

/* The descriptor tables in use are the guest's, in its domain's slot: without them no exception and no NMI could be delivered. */
static void keep_descriptor_tables(uint64_t root)
{
    const uint64_t *table = mfn_to_va(paddr_to_mfn(root & PTE_ADDRESS));

    firmware.root[PERDOMAIN_SLOT] = table[PERDOMAIN_SLOT];
}

static uint64_t call_here(enum efi_service service, const uint64_t *argument)
{
    uint64_t root = read_cr3(), dr7 = read_dr7(), status;
    s_time_t start = time_now(), took;

    firmware.cpu = cpu_id();
    keep_descriptor_tables(root);
    write_dr7(DR7_FIXED_ONE); /* a guest's breakpoints may be where the firmware is */
    tlb_load_root(mfn_to_paddr(va_to_mfn(firmware.root)));
    firmware.under_way = true;
    status = efi_enter(firmware.service[service], argument, &firmware.stack);
    firmware.under_way = false;
    write_dr7(dr7);
    tlb_load_root(root);
    took = time_now() - start;
    if (took > LONG_CALL && took > 2 * firmware.longest) {
        firmware.longest = took;
        log_warn("EFI: a run-time service took %ld ms, with interrupts off\n", (long)(took / NS_PER_MS));
    }
    return status;
}

uint64_t efi_call(enum efi_service service, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    const uint64_t argument[5] = {a, b, c, d, e};
    uint64_t status = FAULTED, flags;

    lock(&firmware.lock);
    flags = irq_save();
    if (firmware.ready && firmware.service[service])
        status = call_here(service, argument);
    irq_restore(flags);
    unlock(&firmware.lock);
    return status == FAULTED ? EFI_DEVICE_ERROR : status;
}
