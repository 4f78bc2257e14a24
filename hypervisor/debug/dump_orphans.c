/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug key 'O': who maps frames of dead domains. A frame does not know who refers to it, so all page tables
 * are looked through; if there is no such frame, none is. Nobody is stopped for it.
 */
#include "core/frame_ref.h"
#include "core/orphan.h"
#include "debug/dump.h"
#include "grant/grant.h"
#include "hv/log.h"
#include "pv/pte.h"

#define MOST_LINES 200 /* by page tables */

static bool is_orphan(mfn_t mfn)
{
    return mfn_valid(mfn) && READ_ONCE(mfn_to_frame(mfn)->owner) == FRAME_OWNER_ORPHAN;
}

static void dump_entries(const struct frame *table, unsigned int *lines)
{
    const uint64_t *entry = frame_to_va(table);

    for (unsigned int i = 0; i < PT_ENTRIES; i++) {
        uint64_t pte = READ_ONCE(entry[i]);

        if (!(pte & PTE_PRESENT) || !is_orphan(pte_mfn(pte)) || ++*lines > MOST_LINES)
            continue;
        printk(" frame %#lx: mapped by domain %u, page table %#lx, entry %u%s\n",
               (unsigned long)pte_mfn(pte).n, READ_ONCE(table->owner), (unsigned long)frame_to_mfn(table).n,
               i, pte & PTE_WRITE ? ", writable" : "");
    }
}

void dump_orphans(void)
{
    unsigned int lines = 0;
    uint64_t count = orphan_count();

    printk("Frames of dead domains: %lu\n", (unsigned long)count);
    if (!count)
        return;
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        grant_dump_orphans(d);
    for (uint64_t mfn = 0; mfn < max_mfn; mfn++)
        if (mfn_valid(MFN(mfn)) && fw_is_valid(READ_ONCE(mfn_to_frame(MFN(mfn))->word), FT_L1))
            dump_entries(mfn_to_frame(MFN(mfn)), &lines);
    if (lines > MOST_LINES)
        printk(" and %u more page table entries\n", lines - MOST_LINES);
}
