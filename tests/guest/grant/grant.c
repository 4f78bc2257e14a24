/* SPDX-License-Identifier: MIT */
#include "grant.h"

volatile struct grant_entry_v1 *grant_v1;
volatile union grant_entry_v2 *grant_v2;
char *granted, *window;
unsigned long granted_mfn;

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

bool grant_prepare(void)
{
    if (!grant_table_map())
        return false;
    if (!granted) {
        granted = kit_page_alloc();
        window = kit_page_alloc();
        granted_mfn = kit_mfn_of(granted);
        kit_unmap(window);
    }
    grant_v1[REF + 1].flags = 0;
    return true;
}

void grant(unsigned ref, unsigned dom, unsigned long mfn, unsigned flags)
{
    grant_v1[ref].domid = (domid_t)dom;
    grant_v1[ref].frame = (uint32_t)mfn;
    __atomic_store_n(&grant_v1[ref].flags, (uint16_t)flags, __ATOMIC_SEQ_CST);
}

struct gnttab_map_grant_ref map_ref(unsigned dom, unsigned ref, uint64_t addr, unsigned flags)
{
    struct gnttab_map_grant_ref m = {.dom = (domid_t)dom,
                                     .ref = ref,
                                     .host_addr = addr,
                                     .flags = flags,
                                     .status = 99,
                                     .handle = 0x5555,
                                     .dev_bus_addr = 0x77};

    CHECK_RC(grant_op(GNTTABOP_map_grant_ref, &m, 1), 0);
    return m;
}

int unmap_ref(uint64_t addr, uint64_t bus, unsigned handle)
{
    struct gnttab_unmap_grant_ref u = {
        .host_addr = addr, .dev_bus_addr = bus, .handle = handle, .status = 99};

    CHECK_RC(grant_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
    return u.status;
}
