/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domain 0's initial page tables. They are written straight, and then taken into use like any guest's: by the validator, which takes all references. The pages of
 * the tables themselves are therefore mapped read-only.
 */
#include "arch/x86/hostmap.h"
#include "hv/panic.h"
#include "pv/dom0/dom0.h"

#define UPPER (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)
#define LEAF  (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

struct table_source {
    uint64_t next, end; /* PFNs to make tables of */
};

static uint64_t new_table(struct dom0_build *b, struct table_source *from)
{
    panic_on(from->next == from->end);
    __builtin_memset(dom0_page(b, from->next), 0, PAGE_SIZE);
    return from->next++;
}

static bool is_table_page(const struct dom0_build *b, uint64_t pfn)
{
    uint64_t first = dom0_pfn(b, b->tables_va);

    return pfn >= first && pfn < first + b->table_count;
}

/* The L1 that maps va; tables on the way are made from the source. */
static uint64_t *walk(struct dom0_build *b, uint64_t *l4, uint64_t va, struct table_source *from)
{
    uint64_t *table = l4;

    for (unsigned int shift = 39; shift > 12; shift -= 9) {
        uint64_t *entry = &table[va >> shift & 511];

        if (!(*entry & PTE_PRESENT))
            *entry = b->p2m[new_table(b, from)] << PAGE_SHIFT | UPPER;
        table = mfn_to_va(paddr_to_mfn(*entry & PTE_ADDRESS));
    }
    return table;
}

static void map_range(struct dom0_build *b, uint64_t *l4, uint64_t va, uint64_t pfn, uint64_t pages,
                      struct table_source *from)
{
    uint64_t *l1 = NULL;

    for (uint64_t i = 0; i < pages; i++, va += PAGE_SIZE) {
        if (!l1 || (va >> 12 & 511) == 0)
            l1 = walk(b, l4, va, from);
        l1[va >> 12 & 511] =
            b->p2m[pfn + i] << PAGE_SHIFT | (is_table_page(b, pfn + i) ? LEAF & ~PTE_WRITE : LEAF);
    }
}

void dom0_make_tables(struct dom0_build *b)
{
    uint64_t first = dom0_pfn(b, b->tables_va);
    struct table_source own = {.next = first, .end = first + b->table_count};
    struct table_source lists = {.next = b->p2m_pfn + b->p2m_pages,
                                 .end = b->p2m_pfn + b->p2m_pages + b->p2m_tables};
    uint64_t *l4 = dom0_page(b, new_table(b, &own));

    map_range(b, l4, b->virt_base, 0, (b->end_va - b->virt_base) >> PAGE_SHIFT, &own);
    if (b->p2m_apart)
        map_range(b, l4, b->p2m_va, b->p2m_pfn, b->p2m_pages, &lists);
    /* Tables that the layout counted on but this address space did not need: left as empty pages. */
    while (own.next < own.end)
        new_table(b, &own);
}
