/* SPDX-License-Identifier: MIT */
/*
 * What published advisories on grant tables and foreign memory were about, tried: frames that outlive their owner, references that are dropped too early or
 * never, mappings that are left behind when a page changes hands.
 */
#include "foreign.h"
#include <kit/time.h>
#include <kit/trap.h>

static uint64_t list[16];

/* Ends the puppet without the page's mapping being given back first. */
static domid_t end_with_mappings(void)
{
    domid_t id = puppet.id;

    kit_foreign_unmap(puppet_page);
    puppet_page = NULL;
    kit_foreign_unmap((void *)(uintptr_t)puppet.box);
    puppet.box = NULL;
    CHECK_RC(kit_domain_destroy(id), 0);
    return id;
}

/* A dead domain's frame stays with who maps it, and with nobody else. */
KIT_TEST(frame_of_the_dead)
{
    uint64_t *data, *table;
    unsigned long mfn;
    domid_t id;
    int rc;

    CHECK_OR_RETURN(puppet_ready());
    kit_puppet_poke(&puppet, KIT_PUPPET_VA(33), 0xdeadf);
    mfn = puppet.mfn[33];
    data = kit_foreign_map(puppet.id, mfn, PTE_RW, &rc);
    CHECK_RC(rc, 0);
    table = kit_foreign_map(puppet.id, puppet.mfn[3], PTE_RO, &rc);
    CHECK_RC(rc, 0);
    CHECK_OR_RETURN(data && table);
    id = end_with_mappings();
    CHECK_EQ(READ_ONCE(data[0]), 0xdeadf);
    WRITE_ONCE(data[0], 0x1);
    (void)READ_ONCE(table[0]);
    /* It can be given up but not taken up again, by its number or by another's. */
    CHECK(mmu_one(pte_address(list), (uint64_t)mfn << 12 | PTE_RW, DOMID_SELF) < 0);
    CHECK_RC(kit_foreign_unmap(data), 0);
    CHECK_RC(kit_foreign_unmap(table), 0);
    CHECK(kit_domain_gone(id));
}

/* Our frame in a page table of its: the reference comes back with the domain's end. */
KIT_TEST(frame_lent_to_the_dead)
{
    static uint64_t mfn;
    long own;
    domid_t id;

    CHECK_OR_RETURN(puppet_ready());
    mfn = 0x7100;
    CHECK_EQ(one_extent(XENMEM_populate_physmap, DOMID_SELF, &mfn, 0), 1);
    own = reservation_of(DOMID_SELF);
    CHECK_RC(mmu_one(((uint64_t)puppet.mfn[3] << 12) + 8 * 50, mfn << 12 | PTE_RW,
                     DOMID_SELF | ((unsigned)puppet.id + 1) << 16),
             0);
    CHECK_EQ(kit_puppet_poke(&puppet, KIT_PUPPET_VA(50), 0x50), 0);
    CHECK_EQ(one_extent(XENMEM_decrease_reservation, DOMID_SELF, &mfn, 0), 1);
    CHECK_EQ(reservation_of(DOMID_SELF), own); /* mapped there */
    id = end_with_mappings();
    CHECK(kit_domain_gone(id));
    for (unsigned i = 0; i < 100000 && reservation_of(DOMID_SELF) == own; i++)
        hcall_sched_op(SCHEDOP_yield, NULL);
    CHECK_EQ(reservation_of(DOMID_SELF), own - 1);
}

/* A pinned table, an entry of its that leads to itself, tables that lead to each other: all ends. */
KIT_TEST(tangled_tables)
{
    uint64_t before = 0;
    unsigned both;

    for (unsigned round = 0; round < 2; round++) {
        before = kit_free_pages();
        CHECK_OR_RETURN(puppet_ready());
        both = puppet.id | ((unsigned)puppet.id + 1) << 16;
        CHECK_RC(mmu_one(((uint64_t)puppet.mfn[0] << 12) + 8 * 200,
                         (uint64_t)puppet.mfn[0] << 12 | PTE_P | PTE_U, both),
                 0);
        CHECK_RC(mmu_one(((uint64_t)puppet.mfn[0] << 12) + 8 * 201, (uint64_t)puppet.mfn[0] << 12 | PTE_TABLE,
                         both),
                 -XEN_EINVAL);
        CHECK_RC(mmuext_one(MMUEXT_PIN_L1_TABLE, puppet.mfn[3], 0, puppet.id), 0);
        CHECK_RC(mmuext_one(MMUEXT_PIN_L2_TABLE, puppet.mfn[2], 0, puppet.id), 0);
        puppet_gone();
        CHECK(!round || kit_free_pages_are(before));
    }
}

static volatile struct grant_entry_v1 *grants_of_puppet(void)
{
    struct xen_mem_acquire_resource a = {.type = XENMEM_resource_grant_table, .nr_frames = 1};
    int rc;

    a.domid = puppet.id;
    set_xen_guest_handle(a.frame_list, (void *)list);
    CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, &a), 0);
    return kit_foreign_map(puppet.id, list[0], PTE_RW, &rc);
}

/* The machine address of an entry has to be that of a whole one (XSA-227). */
KIT_TEST(unaligned_pte_address)
{
    volatile struct grant_entry_v1 *table;
    char *window = kit_page_alloc();

    CHECK_OR_RETURN(puppet_ready() && window);
    table = grants_of_puppet();
    CHECK_OR_RETURN(table);
    kit_unmap(window);
    table[40].domid = 0;
    table[40].frame = (uint32_t)puppet.mfn[30];
    table[40].flags = GTF_permit_access;
    for (unsigned offset = 1; offset < 8; offset++) {
        struct gnttab_map_grant_ref m = {.dom = puppet.id,
                                         .ref = 40,
                                         .host_addr = pte_address(window) + offset,
                                         .flags = GNTMAP_host_map | GNTMAP_contains_pte,
                                         .status = 99};

        CHECK_RC(hcall_grant_table_op(GNTTABOP_map_grant_ref, &m, 1), 0);
        CHECK_EQ(m.status, GNTST_general_error);
    }
    CHECK_EQ(table[40].flags, GTF_permit_access);
    CHECK_EQ(kit_pte_of((uintptr_t)window), 0);
    CHECK_RC(kit_set_rw(window), 0);
    kit_page_free(window);
    kit_foreign_unmap((void *)(uintptr_t)table);
}

/* Status frames of version 2, mapped by somebody when the table's owner goes back to version 1 (XSA-255, XSA-379). */
KIT_TEST(status_frames_left_behind)
{
    struct xen_mem_acquire_resource a = {
        .type = XENMEM_resource_grant_table, .id = XENMEM_resource_grant_table_id_status, .nr_frames = 1};
    struct gnttab_set_version *v;
    uint64_t *status;
    int rc;

    CHECK_OR_RETURN(puppet_ready());
    memset(puppet_page, 0, 64);
    v = (void *)puppet_page;
    v->version = 2;
    CHECK_RC(puppet_op(__HYPERVISOR_grant_table_op, GNTTABOP_set_version, PUPPET_ARG, 1, 0), 0);
    a.domid = puppet.id;
    set_xen_guest_handle(a.frame_list, (void *)list);
    CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, &a), 0);
    status = kit_foreign_map(puppet.id, list[0], PTE_RW, &rc);
    CHECK_RC(rc, 0);
    CHECK_OR_RETURN(status);
    v->version = 1;
    puppet_op(__HYPERVISOR_grant_table_op, GNTTABOP_set_version, PUPPET_ARG, 1, 0);
    WRITE_ONCE(status[0], 0xffffffffffffffffUL);
    CHECK_EQ(kit_puppet_poke(&puppet, KIT_PUPPET_VA(30), 1), 0);
    CHECK_RC(kit_foreign_unmap(status), 0);
    puppet_gone();
}

/* A page that changes hands is out of the giver's reach, old translations included (XSA-217, XSA-286). */
KIT_TEST(stale_after_transfer)
{
    static uint64_t mfn;
    volatile struct grant_entry_v1 *table;
    struct gnttab_transfer t = {.ref = 41, .status = 99};
    volatile uint64_t *window = kit_page_alloc();
    uint64_t seen = 0;

    CHECK_OR_RETURN(puppet_ready() && window);
    table = grants_of_puppet();
    CHECK_OR_RETURN(table);
    mfn = 0x7200;
    CHECK_EQ(one_extent(XENMEM_populate_physmap, DOMID_SELF, &mfn, 0), 1);
    CHECK_RC(kit_remap(window, mfn << 12 | PTE_RW), 0);
    *window = 0x01d;
    table[41].domid = 0;
    table[41].frame = 50;
    table[41].flags = GTF_accept_transfer;
    t.mfn = mfn;
    t.domid = puppet.id;
    CHECK_RC(hcall_grant_table_op(GNTTABOP_transfer, &t, 1), 0);
    CHECK_EQ(t.status, GNTST_bad_page); /* it is mapped */
    /* The mapping goes, and nobody is told to forget it. */
    CHECK_RC(mmu_one(pte_address(window), 0, DOMID_SELF), 0);
    CHECK_RC(hcall_grant_table_op(GNTTABOP_transfer, &t, 1), 0);
    CHECK_EQ(t.status, GNTST_okay);
    CHECK(!kit_peek(window, &seen));
    CHECK(!kit_poke(window, 0xbad));
    CHECK_RC(kit_set_rw(window), 0);
    kit_foreign_unmap((void *)(uintptr_t)table);
    puppet_gone();
}
