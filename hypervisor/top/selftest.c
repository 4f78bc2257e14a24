/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Start-up self-tests: faults are survived where the exception table says so, and the protections against
 * using a guest's memory by accident hold: with SMEP, code in a page that guests may access does not run;
 * with SMAP, its data cannot be read outside the copy functions. A page of ours is mapped as guests' pages
 * are for the time of the tests.
 */
#include "top/selftest.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/extable.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/patch.h"
#include "core/heap.h"
#include "hv/log.h"
#include "hv/panic.h"

#define TEST_VA (STACKS_START + 0x8000000UL) /* behind the blocks of 256 processors (arch/x86/desc.c) */

/* True if the read faulted. */
static bool read_faults(uint64_t va)
{
    bool faulted = true;
    uint64_t value;

    __asm__ volatile("1: movq (%2), %1\n\tmovb $0, %0\n2:\n" EXTABLE(1b, 2b)
                     : "+q"(faulted), "=&r"(value)
                     : "r"(va)
                     : "memory");
    return faulted;
}

static bool write_faults(uint64_t va)
{
    bool faulted = true;

    __asm__ volatile("1: lock orb $0, (%1)\n\tmovb $0, %0\n2:\n" EXTABLE(1b, 2b)
                     : "+q"(faulted)
                     : "r"(va)
                     : "memory");
    return faulted;
}

/* True if jumping there faulted; else the code there comes back through RBX and sets DL. */
static bool execution_faults(uint64_t va)
{
    uint8_t ran = 0;

    extable_jump_target = va;
    __asm__ volatile("leaq 1f(%%rip), %%rbx\n\tmovq %%rbx, %1\n\tjmp *%2\n1:\n"
                     : "+d"(ran), "=m"(extable_jump_resume)
                     : "r"(va)
                     : "rbx", "memory");
    extable_jump_target = 0;
    return !ran;
}

static void report(const char *what, bool passed)
{
    if (!passed)
        panic("self-test: %s failed: this machine or this build cannot be relied on\n", what);
    printk("Self-test: %s: ok\n", what);
}

void self_tests(void)
{
    static const uint8_t code[] = {0xb2, 0x01, 0xff, 0xe3}; /* mov $1, %dl; jmp *%rbx */
    uint8_t *page = hv_alloc_page();

    if (!page)
        cannot_boot("no memory for the self-tests\n");
    __builtin_memcpy(page, code, sizeof(code));
    report("a fault is survived", read_faults(TEST_VA));
    report("code is patched", patch_self_test());
    report("code cannot be written otherwise", write_faults((uint64_t)&self_tests));
    if (hostmap_map(TEST_VA, mfn_to_paddr(va_to_mfn(page)), PAGE_SIZE,
                    (MAP_DATA | PTE_USER) & ~(PTE_NX | PTE_GLOBAL)))
        cannot_boot("no memory for the self-tests\n");
    report(cpu_features.smep ? "SMEP stops code in a guest's page" : "code runs where it may (no SMEP here)",
           execution_faults(TEST_VA) == cpu_features.smep);
    report(cpu_features.smap ? "SMAP stops reading a guest's page"
                             : "a guest's page can be read (no SMAP here)",
           read_faults(TEST_VA) == cpu_features.smap);
    hostmap_unmap_page(TEST_VA);
    hv_free_page(page);
}
