/* SPDX-License-Identifier: MIT */
/* Page tables: by hypercall, by writing to them, pinned and switched. */
#include "bench.h"

static struct {
    uint64_t *pages;  /* 512 pages mapped one after the other */
    uint64_t at[512]; /* machine address of the entry of each */
    uint64_t *l1;     /* a table of our own, for stores to it */
    struct mmu_update update[2][512];
} m;

static void prepare(void)
{
    uint64_t l2;

    if (m.pages)
        return;
    m.pages = kit_pages_alloc(512);
    for (unsigned i = 0; i < 512; i++) {
        uint64_t frame = kit_maddr_of(m.pages + i * 512);

        kit_pte_find(kit_root_mfn, (uintptr_t)m.pages + i * KIT_PAGE_SIZE, 1, &m.at[i], NULL);
        m.update[0][i] = (struct mmu_update){m.at[i] | MMU_NORMAL_PT_UPDATE, frame | PTE_RO};
        m.update[1][i] = (struct mmu_update){m.at[i] | MMU_NORMAL_PT_UPDATE, frame | PTE_RW};
    }
    CHECK_RC(kit_map(kit_root_mfn, 0x6000000000UL, kit_maddr_of(m.pages) | PTE_RW), 0);
    CHECK(kit_pte_find(kit_root_mfn, 0x6000000000UL, 2, NULL, &l2));
    m.l1 = kit_va_of_mfn((l2 & PTE_ADDR) >> KIT_PAGE_SHIFT);
}

/* Read-only and writable in turn: a type reference comes and goes each time. */
static void va_mappings(unsigned long n, unsigned long flags)
{
    uint64_t frame;

    prepare();
    frame = kit_maddr_of(m.pages);
    while (n--)
        hcall_update_va_mapping((uintptr_t)m.pages, frame | (n & 1 ? PTE_RO : PTE_RW), flags);
}

BENCH(update_va_mapping, 1)
{
    va_mappings(n, UVMF_NONE);
}

BENCH(update_va_mapping_invlpg, 1)
{
    va_mappings(n, UVMF_INVLPG | UVMF_LOCAL);
}

/* Map and unmap: the frame is looked up, its references come and go. */
BENCH(update_va_mapping_unmap, 1)
{
    uint64_t frame;

    prepare();
    frame = kit_maddr_of(m.pages) | PTE_RW;
    while (n--)
        hcall_update_va_mapping((uintptr_t)m.pages, n & 1 ? 0 : frame, UVMF_INVLPG | UVMF_LOCAL);
}

static void batches(unsigned long n, unsigned count)
{
    prepare();
    while (n--)
        hcall_mmu_update(m.update[!(n & 1)], count, NULL, DOMID_SELF);
}

BENCH(mmu_update_1, 1)
{
    batches(n, 1);
}

BENCH(mmu_update_32, 4)
{
    batches(n, 32);
}

BENCH(mmu_update_512, 20)
{
    batches(n, 512);
}

/* An L1 with all 512 entries in use. */
BENCH(pin_unpin_l1, 20)
{
    uint64_t *table;

    prepare();
    table = kit_page_alloc();
    for (unsigned i = 0; i < 512; i++)
        table[i] = kit_maddr_of(m.pages + i * 512) | PTE_RW;
    kit_set_ro(table);
    while (n--) {
        kit_pin(1, kit_mfn_of(table));
        kit_unpin(kit_mfn_of(table));
    }
    kit_set_rw(table);
    kit_page_free(table);
}

/* An address space as of a small process: 4 full L1s, one L2, one L3, and an L4 with the kernel's half. */
BENCH(pin_unpin_space, 50)
{
    uint64_t *t[7], *root = kit_va_of_mfn(kit_root_mfn);

    prepare();
    for (unsigned i = 0; i < 7; i++)
        t[i] = kit_page_alloc();
    for (unsigned i = 0; i < 512; i++)
        for (unsigned j = 0; j < 4; j++)
            t[j][i] = kit_maddr_of(m.pages + i * 512) | PTE_RW;
    for (unsigned j = 0; j < 4; j++)
        t[4][j] = kit_maddr_of(t[j]) | PTE_TABLE;
    t[5][0] = kit_maddr_of(t[4]) | PTE_TABLE;
    t[6][0] = kit_maddr_of(t[5]) | PTE_TABLE;
    t[6][511] = root[511];
    for (unsigned i = 0; i < 7; i++)
        kit_set_ro(t[i]);
    while (n--) {
        kit_pin(4, kit_mfn_of(t[6]));
        kit_unpin(kit_mfn_of(t[6]));
    }
    for (unsigned i = 0; i < 7; i++) {
        kit_set_rw(t[i]);
        kit_page_free(t[i]);
    }
}

BENCH(address_space_switch, 1)
{
    uint64_t *t = kit_page_alloc(), *root = kit_va_of_mfn(kit_root_mfn);

    t[511] = root[511];
    kit_set_ro(t);
    kit_pin(4, kit_mfn_of(t));
    for (; n; n--)
        kit_mmuext1(MMUEXT_NEW_BASEPTR, n & 1 ? kit_mfn_of(t) : kit_root_mfn, 0);
    kit_mmuext1(MMUEXT_NEW_BASEPTR, kit_root_mfn, 0);
    kit_unpin(kit_mfn_of(t));
    kit_set_rw(t);
    kit_page_free(t);
}

BENCH(tlb_flush_local, 1)
{
    while (n--)
        kit_mmuext1(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
}

BENCH(invlpg_local, 1)
{
    while (n--)
        kit_mmuext1(MMUEXT_INVLPG_LOCAL, KIT_VIRT_BASE, 0);
}

/* Stores to a page table, by the four instructions that kernels use. */
BENCH(ptwr_mov, 1)
{
    uint64_t frame;

    prepare();
    frame = kit_maddr_of(m.pages);
    while (n--)
        __asm__ volatile("mov %1, (%0)" ::"r"(m.l1), "r"(frame | (n & 1 ? PTE_RO : PTE_RW)) : "memory");
}

BENCH(ptwr_xchg, 1)
{
    uint64_t frame, v;

    prepare();
    frame = kit_maddr_of(m.pages);
    while (n--) {
        v = frame | (n & 1 ? PTE_RO : PTE_RW);
        __asm__ volatile("xchg %0, (%1)" : "+r"(v) : "r"(m.l1) : "memory");
    }
}

BENCH(ptwr_and, 1)
{
    prepare();
    *(volatile uint64_t *)m.l1 = kit_maddr_of(m.pages) | PTE_RW;
    while (n--)
        __asm__ volatile("lock andq %1, (%0)" ::"r"(m.l1), "r"(n & 1 ? ~PTE_W : ~PTE_A) : "memory");
}

BENCH(ptwr_cmpxchg, 1)
{
    uint64_t old, new;

    prepare();
    while (n--) {
        old = READ_ONCE(*m.l1);
        new = kit_maddr_of(m.pages) | (n & 1 ? PTE_RO : PTE_RW);
        __asm__ volatile("lock cmpxchg %2, (%1)" : "+a"(old) : "r"(m.l1), "r"(new) : "memory");
    }
}
