/* SPDX-License-Identifier: MIT */
#include "grant.h"

volatile struct grant_entry_v1 *grant_v1;
volatile union grant_entry_v2 *grant_v2;

bool grant_table_map(void)
{
    static uint64_t list[GRANT_FRAMES];
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = GRANT_FRAMES, .status = 99};
    char *va;

    if (grant_v1)
        return true;
    set_xen_guest_handle(s.frame_list, list);
    if (grant_op(GNTTABOP_setup_table, &s, 1) || s.status)
        return false;
    va = kit_pages_alloc(GRANT_FRAMES);
    for (unsigned i = 0; i < GRANT_FRAMES; i++)
        if (kit_remap(va + i * KIT_PAGE_SIZE, list[i] << 12 | PTE_RW))
            return false;
    grant_v1 = (void *)va;
    grant_v2 = (void *)va;
    return true;
}
