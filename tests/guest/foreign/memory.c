/* SPDX-License-Identifier: MIT */
/* memory_op for another domain, as its builder calls it; and the frames that belong to it without being its memory. */
#include "foreign.h"

static uint64_t list[64];

KIT_TEST(reservation_foreign)
{
    struct xen_memory_reservation r = {.nr_extents = 40};
    struct xen_memory_domain d;
    uint64_t first, own = kit_mfn_of(list);

    CHECK_OR_RETURN(puppet_ready());
    d.domid = puppet.id;
    CHECK_EQ(reservation_of(puppet.id), KIT_PUPPET_PAGES);
    CHECK_EQ(hcall_memory_op(XENMEM_maximum_reservation, &d), KIT_PUPPET_PAGES + 16);
    CHECK_EQ(hcall_memory_op(XENMEM_maximum_gpfn, &d), 0);
    /* Up to its limit and no further. */
    for (unsigned i = 0; i < 40; i++)
        list[i] = KIT_PUPPET_PAGES + i;
    r.domid = puppet.id;
    set_xen_guest_handle(r.extent_start, (void *)list);
    CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap, &r), 16);
    CHECK_EQ(reservation_of(puppet.id), KIT_PUPPET_PAGES + 16);
    CHECK_EQ(kit_m2p(list[0]), KIT_PUPPET_PAGES);
    CHECK_EQ(kit_m2p(list[15]), KIT_PUPPET_PAGES + 15);
    first = list[0];
    /* Each its own. */
    CHECK_EQ(one_extent(XENMEM_decrease_reservation, puppet.id, &own, 0), 0);
    CHECK_EQ(one_extent(XENMEM_decrease_reservation, DOMID_SELF, &first, 0), 0);
    CHECK_EQ(one_extent(XENMEM_decrease_reservation, puppet.id, &first, 0), 1);
    CHECK_EQ(one_extent(XENMEM_decrease_reservation, puppet.id, &first, 0), 0);
    CHECK_EQ(reservation_of(puppet.id), KIT_PUPPET_PAGES + 15);
    /* What is mapped is given up when it no longer is. */
    first = puppet.mfn[10];
    CHECK_EQ(one_extent(XENMEM_decrease_reservation, puppet.id, &first, 0), 1);
    CHECK_EQ(reservation_of(puppet.id), KIT_PUPPET_PAGES + 15);
    for (unsigned i = 1; i < 16; i++)
        CHECK_EQ(one_extent(XENMEM_decrease_reservation, puppet.id, &list[i], 0), 1);
    CHECK_EQ(reservation_of(puppet.id), KIT_PUPPET_PAGES);
    puppet_gone();
}

/* libxenctrl makes one entry of a multicall of each memory_op, to see the whole result. */
KIT_TEST(wrapped_in_multicall)
{
    struct xen_memory_domain d;
    static struct multicall_entry call;

    CHECK_OR_RETURN(puppet_ready());
    d.domid = puppet.id;
    call.op = __HYPERVISOR_memory_op;
    call.args[0] = XENMEM_maximum_reservation;
    call.args[1] = (uintptr_t)&d;
    CHECK_RC(hcall_multicall(&call, 1), 0);
    CHECK_EQ(call.result, KIT_PUPPET_PAGES + 16);
    d.domid = 77;
    CHECK_RC(hcall_multicall(&call, 1), 0);
    CHECK_RC(call.result, -XEN_ESRCH);
}

KIT_TEST(exchange_foreign)
{
    static uint64_t in, out;
    struct xen_memory_exchange e = {0};

    CHECK_OR_RETURN(puppet_ready());
    in = 200;
    CHECK_EQ(one_extent(XENMEM_populate_physmap, puppet.id, &in, 0), 1);
    e.in.nr_extents = e.out.nr_extents = 1;
    e.in.domid = e.out.domid = puppet.id;
    set_xen_guest_handle(e.in.extent_start, (void *)&in);
    set_xen_guest_handle(e.out.extent_start, (void *)&out);
    out = 201;
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &e), 0);
    CHECK(e.nr_exchanged == 1 && out != in && out != 201);
    CHECK_EQ(kit_m2p(out), 201);
    CHECK_EQ(one_extent(XENMEM_decrease_reservation, puppet.id, &out, 0), 1);
    in = puppet.mfn[11]; /* in use */
    e.nr_exchanged = 0;
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &e), -XEN_EINVAL);
    CHECK_EQ(e.nr_exchanged, 0);
}

KIT_TEST(maps_and_claims)
{
    static struct {
        uint64_t start, size;
        uint32_t type;
    } __attribute__((packed)) map[2] = {{0, 0x100000, 1}, {0x200000, 0x1000, 2}};
    struct xen_foreign_memory_map f = {.map.nr_entries = 2};
    struct xen_memory_reservation claim = {.nr_extents = KIT_PUPPET_PAGES + 17};
    struct xen_memory_map *m;

    CHECK_OR_RETURN(puppet_ready());
    f.domid = puppet.id;
    set_xen_guest_handle(f.map.buffer, map);
    CHECK_RC(hcall_memory_op(XENMEM_set_memory_map, &f), 0);
    m = (void *)puppet_page;
    memset(puppet_page, 0, 256);
    m->nr_entries = 5;
    *(uint64_t *)&m->buffer = PUPPET_ARG + 128;
    CHECK_RC(puppet_op(__HYPERVISOR_memory_op, XENMEM_memory_map, PUPPET_ARG, 0, 0), 0);
    CHECK(m->nr_entries == 2 && !memcmp(puppet_page + 128, map, sizeof(map)));
    f.domid = 77;
    CHECK_RC(hcall_memory_op(XENMEM_set_memory_map, &f), -XEN_ESRCH);
    claim.domid = puppet.id;
    CHECK_RC(hcall_memory_op(XENMEM_claim_pages, &claim), -XEN_EINVAL); /* more than it may have */
    claim.nr_extents = KIT_PUPPET_PAGES + 8;
    CHECK_RC(hcall_memory_op(XENMEM_claim_pages, &claim), 0);
    claim.nr_extents = 0;
    CHECK_RC(hcall_memory_op(XENMEM_claim_pages, &claim), 0);
}

KIT_TEST(physmap_foreign)
{
    struct xen_add_to_physmap add = {0};
    struct xen_remove_from_physmap remove = {.gpfn = 5};
    struct xen_vnuma_topology_info numa = {0};

    CHECK_OR_RETURN(puppet_ready());
    add.domid = remove.domid = numa.domid = puppet.id;
    for (unsigned space = 0; space < 6; space++) {
        add.space = space;
        CHECK_RC(hcall_memory_op(XENMEM_add_to_physmap, &add),
                 space == XENMAPSPACE_gmfn_foreign ? -XEN_ENOSYS : -XEN_EACCES);
    }
    CHECK_RC(hcall_memory_op(XENMEM_remove_from_physmap, &remove), -XEN_EACCES);
    CHECK_RC(hcall_memory_op(XENMEM_get_vnumainfo, &numa), -XEN_EOPNOTSUPP);
}

static struct xen_mem_acquire_resource resource;

static long acquire(unsigned domain, unsigned type, unsigned id, unsigned count, uint64_t frame, void *frames)
{
    memset(&resource, 0, sizeof(resource));
    memset(list, 0xcc, sizeof(list));
    resource.domid = (domid_t)domain;
    resource.type = (uint16_t)type;
    resource.id = id;
    resource.nr_frames = count;
    resource.frame = frame;
    set_xen_guest_handle(resource.frame_list, frames);
    return hcall_memory_op(XENMEM_acquire_resource, &resource);
}

#define SHARED XENMEM_resource_grant_table_id_shared
#define STATUS XENMEM_resource_grant_table_id_status
#define GRANTS XENMEM_resource_grant_table

KIT_TEST(acquire_resource)
{
    void *va;
    int rc;

    CHECK_OR_RETURN(puppet_ready());
    CHECK_RC(acquire(puppet.id, GRANTS, SHARED, 0, 0, NULL), 0);
    CHECK_EQ(resource.nr_frames, 8); /* its limit */
    CHECK_RC(acquire(puppet.id, GRANTS, STATUS, 0, 0, NULL), 0);
    CHECK_EQ(resource.nr_frames, 1);
    CHECK_RC(acquire(puppet.id, GRANTS, 2, 0, 0, NULL), -XEN_EINVAL);
    CHECK_RC(acquire(puppet.id, XENMEM_resource_ioreq_server, 0, 0, 0, NULL), -XEN_EINVAL);
    CHECK_RC(acquire(puppet.id, XENMEM_resource_vmtrace_buf, 0, 0, 0, NULL), -XEN_EINVAL);
    CHECK_RC(acquire(puppet.id, 9, 0, 1, 0, list), -XEN_EOPNOTSUPP);
    CHECK_RC(acquire(puppet.id, GRANTS, SHARED, 1, 0, NULL), -XEN_EINVAL);
    CHECK_RC(acquire(puppet.id, GRANTS, SHARED, 0, 0, list), -XEN_EINVAL);
    CHECK_RC(acquire(puppet.id, GRANTS, SHARED, 1, 8, list), -XEN_EINVAL);
    CHECK_RC(acquire(puppet.id, GRANTS, SHARED, 2, 7, list), -XEN_EINVAL);
    CHECK_RC(acquire(puppet.id, GRANTS, SHARED, 9, 0, list), -XEN_EINVAL);
    CHECK_RC(acquire(puppet.id, GRANTS, SHARED, 1, 1UL << 40, list), -XEN_EINVAL);
    CHECK_RC(acquire(puppet.id, GRANTS, SHARED, 0xffffffff, 1, list), -XEN_EINVAL);
    CHECK_EQ(list[0], 0xccccccccccccccccUL);
    CHECK_RC(acquire(puppet.id, GRANTS, STATUS, 1, 0, list), -XEN_EINVAL); /* version 1 has none */
    CHECK_RC(acquire(puppet.id, GRANTS, SHARED, 1, 0, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(acquire(0, GRANTS, SHARED, 1, 0, list), -XEN_EPERM);
    CHECK_RC(acquire(DOMID_SELF, GRANTS, SHARED, 1, 0, list), -XEN_ESRCH);
    CHECK_RC(acquire(77, GRANTS, SHARED, 1, 0, list), -XEN_ESRCH);
    resource.pad = 1;
    CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, &resource), -XEN_EINVAL);
    CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, (void *)0x1000), -XEN_EFAULT);

    CHECK_RC(acquire(puppet.id, GRANTS, SHARED, 2, 0, list), 0);
    CHECK(list[0] != list[1] && list[2] == 0xccccccccccccccccUL);
    va = kit_foreign_map(puppet.id, list[0], PTE_RW, &rc);
    CHECK_RC(rc, 0);
    if (va)
        CHECK_RC(kit_foreign_unmap(va), 0);
    CHECK_RC(mmu_one(pte_address(puppet_page), list[0] << 12 | PTE_RW, DOMID_SELF), -XEN_EBUSY);
}
