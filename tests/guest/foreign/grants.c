/* SPDX-License-Identifier: MIT */
/* Grants between two domains, both ways: mapping, copying, giving pages away, and who may ask whom. */
#include "foreign.h"

static volatile struct grant_entry_v1 *theirs, *ours; /* the first page of each table */
static char *window;
static uint64_t list[64];

static long grant_op(unsigned cmd, void *op)
{
    return hcall_grant_table_op(cmd, op, 1);
}

/* What lies in the shared page as the argument. */
static long puppet_grant_op(unsigned cmd)
{
    return puppet_op(__HYPERVISOR_grant_table_op, cmd, PUPPET_ARG, 1, 0);
}

static void *argument(void)
{
    memset(puppet_page, 0, 512);
    return puppet_page;
}

static bool ready(void)
{
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 1};
    struct xen_mem_acquire_resource a = {.type = XENMEM_resource_grant_table, .nr_frames = 1};
    int rc;

    if (!puppet_ready())
        return false;
    if (!ours) {
        set_xen_guest_handle(s.frame_list, list);
        CHECK_RC(grant_op(GNTTABOP_setup_table, &s), 0);
        ours = kit_page_alloc();
        CHECK_RC(kit_remap(ours, list[0] << 12 | PTE_RW), 0);
        window = kit_page_alloc();
        kit_unmap(window);
    }
    if (!theirs) {
        a.domid = puppet.id;
        set_xen_guest_handle(a.frame_list, (void *)list);
        CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, &a), 0);
        theirs = kit_foreign_map(puppet.id, list[0], PTE_RW, &rc);
        CHECK_RC(rc, 0);
    }
    return theirs;
}

static void gone(void)
{
    kit_foreign_unmap((void *)(uintptr_t)theirs);
    theirs = NULL;
    puppet_gone();
}

static void set_entry(volatile struct grant_entry_v1 *table, unsigned ref, unsigned domain,
                      unsigned long frame, unsigned flags)
{
    table[ref].domid = (domid_t)domain;
    table[ref].frame = (uint32_t)frame;
    __atomic_store_n(&table[ref].flags, (uint16_t)flags, __ATOMIC_SEQ_CST);
}

static struct gnttab_map_grant_ref map(unsigned domain, unsigned ref, uint64_t address, unsigned flags)
{
    struct gnttab_map_grant_ref m = {
        .dom = (domid_t)domain, .ref = ref, .host_addr = address, .flags = flags, .status = 99};

    CHECK_RC(grant_op(GNTTABOP_map_grant_ref, &m), 0);
    return m;
}

static int unmap(uint64_t address, uint64_t bus, unsigned handle)
{
    struct gnttab_unmap_grant_ref u = {
        .host_addr = address, .dev_bus_addr = bus, .handle = handle, .status = 99};

    CHECK_RC(grant_op(GNTTABOP_unmap_grant_ref, &u), 0);
    return u.status;
}

KIT_TEST(grant_map_foreign)
{
    struct gnttab_map_grant_ref m;
    unsigned long va, slot;

    CHECK_OR_RETURN(ready());
    va = (uintptr_t)window;
    slot = pte_address(window);
    kit_puppet_poke(&puppet, KIT_PUPPET_VA(30), 0xabcdef);
    set_entry(theirs, 20, 0, puppet.mfn[30], GTF_permit_access);
    m = map(puppet.id, 20, va, GNTMAP_host_map);
    CHECK(m.status == GNTST_okay && *(volatile uint64_t *)window == 0xabcdef);
    CHECK_EQ(theirs[20].flags, GTF_permit_access | GTF_reading | GTF_writing);
    *(volatile uint64_t *)window = 0x5a5a;
    CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(30)), 0x5a5a);
    CHECK_EQ(unmap(va, 0, m.handle), GNTST_okay);
    CHECK_EQ(theirs[20].flags, GTF_permit_access);
    /* By the machine address of the entry, which has to be in a table of our own. */
    m = map(puppet.id, 20, slot, GNTMAP_host_map | GNTMAP_contains_pte);
    CHECK(m.status == GNTST_okay && *(volatile uint64_t *)window == 0x5a5a);
    CHECK_EQ(unmap(va, 0, m.handle), GNTST_general_error);
    CHECK_EQ(unmap(slot, 0, m.handle), GNTST_okay);
    CHECK_EQ(map(puppet.id, 20, (uint64_t)puppet.mfn[3] << 12, GNTMAP_host_map | GNTMAP_contains_pte).status,
             GNTST_general_error);
    /* For devices: an address and no mapping. Either part goes alone. */
    m = map(puppet.id, 20, 0, GNTMAP_device_map);
    CHECK(m.status == GNTST_okay && m.dev_bus_addr == (uint64_t)puppet.mfn[30] << 12);
    CHECK_EQ(unmap(0, 0x1000, m.handle), GNTST_bad_dev_addr);
    CHECK_EQ(unmap(0, m.dev_bus_addr, m.handle), GNTST_okay);
    m = map(puppet.id, 20, va, GNTMAP_host_map | GNTMAP_device_map);
    CHECK_EQ(unmap(va, 0, m.handle), GNTST_okay);
    CHECK_EQ(theirs[20].flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(unmap(0, m.dev_bus_addr, m.handle), GNTST_okay);
    CHECK_EQ(theirs[20].flags, GTF_permit_access);
}

KIT_TEST(grant_map_refused)
{
    struct gnttab_map_grant_ref m;
    unsigned long va;

    CHECK_OR_RETURN(ready());
    va = (uintptr_t)window;
    set_entry(theirs, 20, 0, puppet.mfn[30], GTF_permit_access);
    set_entry(theirs, 21, 5, puppet.mfn[30], GTF_permit_access);
    CHECK_EQ(map(puppet.id, 21, va, GNTMAP_host_map).status, GNTST_general_error);
    /* A page table, for reading only; a frame that is not the granter's; what is no memory. */
    set_entry(theirs, 22, 0, puppet.mfn[3], GTF_permit_access);
    CHECK_EQ(map(puppet.id, 22, va, GNTMAP_host_map).status, GNTST_general_error);
    m = map(puppet.id, 22, va, GNTMAP_host_map | GNTMAP_readonly);
    CHECK_EQ(m.status, GNTST_okay);
    CHECK_EQ(unmap(va, 0, m.handle), GNTST_okay);
    set_entry(theirs, 23, 0, kit_mfn_of(list), GTF_permit_access);
    CHECK_EQ(map(puppet.id, 23, va, GNTMAP_host_map).status, GNTST_bad_page);
    set_entry(theirs, 24, 0, 0xb8, GTF_permit_access);
    CHECK_EQ(map(puppet.id, 24, va, GNTMAP_host_map).status, GNTST_bad_page);
    CHECK_EQ(map(77, 20, va, GNTMAP_host_map).status, GNTST_bad_domain);
    CHECK_EQ(map(DOMID_IO, 20, va, GNTMAP_host_map).status, GNTST_bad_domain);
    CHECK_EQ(map(DOMID_XEN, 20, va, GNTMAP_host_map).status, GNTST_bad_domain);
    CHECK_EQ(map(puppet.id, 5000, va, GNTMAP_host_map).status, GNTST_bad_gntref);
}

KIT_TEST(grant_map_by_puppet)
{
    struct gnttab_map_grant_ref *m;
    struct gnttab_unmap_grant_ref *u;
    unsigned handle;

    CHECK_OR_RETURN(ready());
    list[0] = 0x77aa;
    set_entry(ours, 30, puppet.id, kit_mfn_of(list), GTF_permit_access);
    m = argument();
    m->host_addr = KIT_PUPPET_VA(45) + ((uintptr_t)list & 0xfff);
    m->flags = GNTMAP_host_map;
    m->ref = 30;
    CHECK_RC(puppet_grant_op(GNTTABOP_map_grant_ref), 0);
    CHECK_EQ(m->status, GNTST_okay);
    handle = m->handle;
    CHECK_EQ(kit_puppet_peek(&puppet, KIT_PUPPET_VA(45) + ((uintptr_t)list & 0xfff)), 0x77aa);
    CHECK_EQ(ours[30].flags, GTF_permit_access | GTF_reading | GTF_writing);
    u = argument();
    u->host_addr = KIT_PUPPET_VA(45);
    u->handle = handle;
    CHECK_RC(puppet_grant_op(GNTTABOP_unmap_grant_ref), 0);
    CHECK_EQ(u->status, GNTST_okay);
    CHECK_EQ(ours[30].flags, GTF_permit_access);
    set_entry(ours, 31, 5, kit_mfn_of(list), GTF_permit_access);
    m = argument();
    m->host_addr = KIT_PUPPET_VA(45);
    m->flags = GNTMAP_host_map;
    m->ref = 31;
    CHECK_RC(puppet_grant_op(GNTTABOP_map_grant_ref), 0);
    CHECK_EQ(m->status, GNTST_general_error);
}

KIT_TEST(grant_copy_foreign)
{
    struct gnttab_copy c = {.len = 8, .flags = GNTCOPY_source_gref}, *p;
    unsigned offset = (uintptr_t)list & 0xfff;

    CHECK_OR_RETURN(ready());
    set_entry(theirs, 20, 0, puppet.mfn[30], GTF_permit_access);
    kit_puppet_poke(&puppet, KIT_PUPPET_VA(30), 0xc0de);
    c.source.u.ref = 20;
    c.source.domid = puppet.id;
    c.dest.domid = DOMID_SELF;
    c.dest.u.gmfn = kit_mfn_of(list);
    c.dest.offset = (uint16_t)offset;
    CHECK_RC(grant_op(GNTTABOP_copy, &c), 0);
    CHECK(c.status == GNTST_okay && list[0] == 0xc0de);
    c.flags = 0; /* a frame of another domain is named by nobody */
    c.source.u.gmfn = puppet.mfn[30];
    CHECK_RC(grant_op(GNTTABOP_copy, &c), 0);
    CHECK_EQ(c.status, GNTST_permission_denied);

    set_entry(ours, 30, puppet.id, kit_mfn_of(list), GTF_permit_access);
    p = argument();
    p->len = 8;
    p->flags = GNTCOPY_dest_gref;
    p->source.domid = DOMID_SELF;
    p->source.u.gmfn = puppet.mfn[30];
    p->dest.u.ref = 30;
    p->dest.offset = (uint16_t)offset;
    list[0] = 0;
    CHECK_RC(puppet_grant_op(GNTTABOP_copy), 0);
    CHECK(p->status == GNTST_okay && list[0] == 0xc0de);
    p->flags = 0;
    p->dest.u.gmfn = kit_mfn_of(list);
    CHECK_RC(puppet_grant_op(GNTTABOP_copy), 0);
    CHECK_EQ(p->status, GNTST_permission_denied);
}

/* Their entry of version 2 passes on what we grant them; it comes back to us. For copying, one step, as long as both agree. */
KIT_TEST(grant_transitive)
{
    struct gnttab_set_version *v;
    struct gnttab_copy c = {.len = 8, .flags = GNTCOPY_source_gref};
    volatile union grant_entry_v2 *e;
    unsigned offset = (uintptr_t)list & 0xfff;
    static uint64_t page[512] __aligned(4096);

    CHECK_OR_RETURN(ready());
    v = argument();
    v->version = 2;
    CHECK_RC(puppet_grant_op(GNTTABOP_set_version), 0);
    e = (void *)(uintptr_t)theirs;
    page[3] = 0x7a45;
    set_entry(ours, 60, puppet.id, kit_mfn_of(page), GTF_permit_access | GTF_readonly);
    e[50].hdr.domid = 0;
    e[50].transitive.trans_domid = 0;
    e[50].transitive.gref = 60;
    __atomic_store_n(&e[50].hdr.flags, (uint16_t)GTF_transitive, __ATOMIC_SEQ_CST);
    c.source.u.ref = 50;
    c.source.domid = puppet.id;
    c.source.offset = 24;
    c.dest.domid = DOMID_SELF;
    c.dest.u.gmfn = kit_mfn_of(list);
    c.dest.offset = (uint16_t)offset;
    list[0] = 0;
    CHECK_RC(grant_op(GNTTABOP_copy, &c), 0);
    CHECK_EQ(c.status, GNTST_okay);
    CHECK_EQ(list[0], 0x7a45);
    CHECK(e[50].hdr.flags == GTF_transitive && ours[60].flags == (GTF_permit_access | GTF_readonly));
    /* No mapping; no more than was granted; no second step; nobody who is not there. */
    CHECK_EQ(map(puppet.id, 50, (uintptr_t)window, GNTMAP_host_map | GNTMAP_readonly).status,
             GNTST_general_error);
    ours[60].flags = 0;
    CHECK_RC(grant_op(GNTTABOP_copy, &c), 0);
    CHECK_EQ(c.status, GNTST_general_error);
    ours[60].domid = 5;
    ours[60].flags = GTF_permit_access;
    CHECK_RC(grant_op(GNTTABOP_copy, &c), 0);
    CHECK_EQ(c.status, GNTST_general_error);
    e[51].hdr.domid = puppet.id;
    e[51].transitive.trans_domid = 0;
    e[51].transitive.gref = 60;
    e[51].hdr.flags = GTF_transitive;
    e[50].transitive.trans_domid = puppet.id;
    e[50].transitive.gref = 51;
    CHECK_RC(grant_op(GNTTABOP_copy, &c), 0);
    CHECK(c.status < 0);
    e[50].transitive.trans_domid = 77;
    CHECK_RC(grant_op(GNTTABOP_copy, &c), 0);
    CHECK(c.status < 0);
    e[50].transitive.trans_domid = 0;
    e[50].transitive.gref = 100000;
    CHECK_RC(grant_op(GNTTABOP_copy, &c), 0);
    CHECK(c.status < 0);
    CHECK_EQ(list[0], 0x7a45);
    gone();
}

KIT_TEST(grant_queries_foreign)
{
    struct gnttab_query_size q = {0}, *pq;
    struct gnttab_get_version v = {0}, *pv;
    struct gnttab_setup_table s = {.nr_frames = 2}, *ps;

    CHECK_OR_RETURN(ready());
    q.dom = v.dom = s.dom = puppet.id;
    CHECK_RC(grant_op(GNTTABOP_query_size, &q), 0);
    CHECK(q.status == GNTST_okay && q.nr_frames >= 1 && q.max_nr_frames == 8);
    CHECK_RC(grant_op(GNTTABOP_get_version, &v), 0);
    CHECK_EQ(v.version, 1);
    set_xen_guest_handle(s.frame_list, list);
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s), 0);
    CHECK_EQ(s.status, GNTST_okay);
    s.nr_frames = 9;
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s), 0);
    CHECK_EQ(s.status, GNTST_general_error);
    /* The other way round: no. */
    pq = argument();
    CHECK_RC(puppet_grant_op(GNTTABOP_query_size), 0);
    CHECK_EQ(pq->status, GNTST_permission_denied);
    pq->dom = DOMID_SELF;
    CHECK_RC(puppet_grant_op(GNTTABOP_query_size), 0);
    CHECK(pq->status == GNTST_okay && pq->max_nr_frames == 8);
    ps = argument();
    ps->nr_frames = 1;
    *(uint64_t *)&ps->frame_list = PUPPET_ARG + 256;
    CHECK_RC(puppet_grant_op(GNTTABOP_setup_table), 0);
    CHECK_EQ(ps->status, GNTST_permission_denied);
    pv = argument();
    CHECK_RC(puppet_grant_op(GNTTABOP_get_version), -XEN_EPERM);
    (void)pv;
}

/* A page of ours that nobody maps. */
static unsigned long fresh(void)
{
    static uint64_t mfn;

    mfn = 0x7000;
    return one_extent(XENMEM_populate_physmap, DOMID_SELF, &mfn, 0) == 1 ? mfn : 0;
}

static int give(unsigned long mfn, unsigned domain, unsigned ref)
{
    struct gnttab_transfer t = {.mfn = mfn, .domid = (domid_t)domain, .ref = ref, .status = 99};

    CHECK_RC(grant_op(GNTTABOP_transfer, &t), 0);
    return t.status;
}

KIT_TEST(grant_transfer)
{
    long own, other;
    unsigned long mfn;

    CHECK_OR_RETURN(ready());
    set_entry(theirs, 100, 0, 0x123, GTF_accept_transfer);
    own = reservation_of(DOMID_SELF);
    other = reservation_of(puppet.id);
    /* What is not ours to give stays where it is. */
    CHECK_EQ(give(0xfffffff, puppet.id, 100), GNTST_bad_page);
    CHECK_EQ(give(puppet.mfn[50], puppet.id, 100), GNTST_bad_page);
    CHECK_EQ(give(kit_mfn_of(list), puppet.id, 100), GNTST_bad_page); /* mapped */
    CHECK_EQ(reservation_of(DOMID_SELF), own);
    CHECK_EQ(theirs[100].flags, GTF_accept_transfer);

    mfn = fresh();
    CHECK_EQ(give(mfn, puppet.id, 100), GNTST_okay);
    CHECK_EQ(theirs[100].flags, GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
    CHECK_EQ(theirs[100].frame, mfn);
    CHECK_EQ(kit_m2p(mfn), 0x123);
    CHECK_EQ(reservation_of(DOMID_SELF), own);
    CHECK_EQ(reservation_of(puppet.id), other + 1);
    CHECK_EQ(give(mfn, puppet.id, 100), GNTST_bad_page);
    /* And it is theirs: they give it back. */
    set_entry(ours, 100, puppet.id, 0, GTF_accept_transfer);
    struct gnttab_transfer *t = argument();

    t->mfn = mfn;
    t->ref = 100;
    CHECK_RC(puppet_grant_op(GNTTABOP_transfer), 0);
    CHECK(t->status == GNTST_okay && ours[100].frame == mfn);
    CHECK_EQ(reservation_of(puppet.id), other);
    CHECK_EQ(reservation_of(DOMID_SELF), own + 1);
    t->mfn = puppet.mfn[3];
    CHECK_RC(puppet_grant_op(GNTTABOP_transfer), 0);
    CHECK_EQ(t->status, GNTST_bad_page); /* a page table in use */
    uint64_t back = mfn;

    CHECK_EQ(one_extent(XENMEM_decrease_reservation, DOMID_SELF, &back, 0), 1);
}

/* A page that was ours to give is gone, whether the other takes it or not. */
KIT_TEST(grant_transfer_refused)
{
    static const struct {
        unsigned domain, flags;
    } entry[] = {{5, GTF_accept_transfer},
                 {0, GTF_permit_access},
                 {0, GTF_accept_transfer | GTF_transfer_committed},
                 {0, GTF_accept_transfer | GTF_transfer_completed},
                 {0, 0}};
    long own, other;

    CHECK_OR_RETURN(ready());
    own = reservation_of(DOMID_SELF);
    other = reservation_of(puppet.id);
    for (unsigned i = 0; i < ARRAY_SIZE(entry); i++) {
        set_entry(theirs, 101, entry[i].domain, 0, entry[i].flags);
        CHECK_EQ(give(fresh(), puppet.id, 101), GNTST_general_error);
        CHECK_EQ(theirs[101].flags, entry[i].flags);
    }
    CHECK_EQ(give(fresh(), puppet.id, 100000), GNTST_general_error);
    CHECK_EQ(give(fresh(), 77, 101), GNTST_bad_domain);
    CHECK_EQ(give(fresh(), DOMID_SELF, 101), GNTST_bad_domain);
    CHECK_EQ(reservation_of(DOMID_SELF), own);
    CHECK_EQ(reservation_of(puppet.id), other);
    /* Up to its limit. */
    for (unsigned i = 0; i < 16; i++) {
        set_entry(theirs, 110 + i, 0, 0, GTF_accept_transfer);
        CHECK_EQ(give(fresh(), puppet.id, 110 + i), GNTST_okay);
    }
    set_entry(theirs, 126, 0, 0, GTF_accept_transfer);
    CHECK_EQ(give(fresh(), puppet.id, 126), GNTST_general_error);
    CHECK_EQ(theirs[126].flags, GTF_accept_transfer);
    CHECK_EQ(reservation_of(DOMID_SELF), own);
    CHECK_RC(hcall_grant_table_op(GNTTABOP_transfer, (void *)0x1000, 1), -XEN_EFAULT);
    gone();
}

static long flush(uint64_t address, unsigned offset, unsigned length, unsigned op)
{
    struct gnttab_cache_flush f = {
        .a.dev_bus_addr = address, .offset = (uint16_t)offset, .length = (uint16_t)length, .op = op};

    return grant_op(GNTTABOP_cache_flush, &f);
}

KIT_TEST(grant_cache_flush)
{
    struct gnttab_map_grant_ref m;
    uint64_t own = kit_maddr_of(list) & ~0xfffUL, other;

    CHECK_OR_RETURN(ready());
    other = (uint64_t)puppet.mfn[30] << 12;
    CHECK_RC(flush(own, 0, 0, 0), 0);
    CHECK_RC(flush(own, 0, 64, GNTTAB_CACHE_CLEAN), 0);
    CHECK_RC(flush(own, 1, 64, GNTTAB_CACHE_CLEAN), 0);
    CHECK_RC(flush(own, 0, 4096, GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL), 0);
    CHECK_RC(flush(own, 0, 64, GNTTAB_CACHE_INVAL), -XEN_EOPNOTSUPP);
    CHECK_RC(flush(own, 0, 64, 4), -XEN_EINVAL);
    CHECK_RC(flush(own, 4000, 200, GNTTAB_CACHE_CLEAN), -XEN_EINVAL);
    CHECK_RC(flush(own, 0, 64, GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_SOURCE_GREF), -XEN_EINVAL);
    CHECK_RC(flush(0xb8000, 0, 64, GNTTAB_CACHE_CLEAN), -XEN_EPERM);
    CHECK_RC(flush(1UL << 50, 0, 64, GNTTAB_CACHE_CLEAN), -XEN_EINVAL);
    /* Another domain's page: while we have it mapped. */
    CHECK_RC(flush(other, 0, 64, GNTTAB_CACHE_CLEAN), -XEN_EINVAL);
    set_entry(theirs, 20, 0, puppet.mfn[30], GTF_permit_access);
    m = map(puppet.id, 20, (uintptr_t)window, GNTMAP_host_map);
    CHECK_RC(flush(other, 0, 64, GNTTAB_CACHE_CLEAN), 0);
    CHECK_EQ(unmap((uintptr_t)window, 0, m.handle), GNTST_okay);
    CHECK_RC(flush(other, 0, 64, GNTTAB_CACHE_CLEAN), -XEN_EINVAL);
    /* Above the command is where a search that was interrupted goes on: of no use to who names one himself. */
    CHECK_RC(flush(own, 0, 64, GNTTAB_CACHE_CLEAN), 0);
    {
        struct gnttab_cache_flush f = {.a.dev_bus_addr = own, .length = 64, .op = GNTTAB_CACHE_CLEAN};

        CHECK_RC(grant_op(GNTTABOP_cache_flush | 0x80000000u, &f), 0);
        f.a.dev_bus_addr = other;
        CHECK_RC(grant_op(GNTTABOP_cache_flush | 0x7ffff000u, &f), -XEN_EINVAL);
        CHECK_RC(grant_op(GNTTABOP_cache_flush | 0xfffff000u, &f), -XEN_EINVAL);
    }
    CHECK_RC(hcall_grant_table_op(GNTTABOP_cache_flush, NULL, 0), 0);
    CHECK_RC(hcall_grant_table_op(GNTTABOP_cache_flush, (void *)0x1000, 1), -XEN_EFAULT);
    CHECK_RC(grant_op(GNTTABOP_dump_table, list), -XEN_ENOSYS);
}

/* The granter dies: what is mapped stays, and it goes when that is given back. */
KIT_TEST(grant_of_the_dead)
{
    struct gnttab_map_grant_ref m;
    struct xen_domctl op = {0};
    domid_t id;

    CHECK_OR_RETURN(ready());
    kit_puppet_poke(&puppet, KIT_PUPPET_VA(30), 0xdead);
    set_entry(theirs, 20, 0, puppet.mfn[30], GTF_permit_access);
    m = map(puppet.id, 20, (uintptr_t)window, GNTMAP_host_map);
    CHECK_EQ(m.status, GNTST_okay);
    id = puppet.id;
    kit_foreign_unmap((void *)(uintptr_t)theirs);
    theirs = NULL;
    kit_foreign_unmap(puppet_page);
    puppet_page = NULL;
    kit_foreign_unmap((void *)(uintptr_t)puppet.box);
    CHECK_RC(kit_domain_destroy(id), 0);
    CHECK_EQ(*(volatile uint64_t *)window, 0xdead);
    *(volatile uint64_t *)window = 0x11fe;
    CHECK_EQ(*(volatile uint64_t *)window, 0x11fe);
    CHECK_EQ(unmap((uintptr_t)window, 0, m.handle), GNTST_okay);
    CHECK(kit_domain_gone(id));
    (void)op;
}
