/* SPDX-License-Identifier: MIT */
/*
 * Frames of a domain that has ended, and is mapped still: by page tables and by grants, given back in any order, while its number may be another's. Xen keeps the domain until then, as
 * `dying`; Xenios keeps the frames alone.
 */
#include "foreign.h"
#include <kit/audit.h>
#include <kit/print.h>
#include <kit/time.h>

#define PAGE(n) KIT_PUPPET_VA(n)

static char *window[2];
static uint64_t list[4];
static struct kit_puppet first, second;

/* Places to map at; and the list of what we have mapped gets its first page. */
static bool windows_ready(void)
{
    struct gnttab_map_grant_ref none = {.ref = 99999, .host_addr = KIT_PAGE_SIZE, .flags = GNTMAP_host_map};

    CHECK_RC(hcall_grant_table_op(GNTTABOP_map_grant_ref, &none, 1), 0);
    CHECK(none.status < 0);
    for (unsigned i = 0; i < 2; i++)
        if (!window[i]) {
            window[i] = kit_page_alloc();
            kit_unmap(window[i]);
        }
    return window[1];
}

/* Its grant table, mapped; NULL: it is not to be had. */
static volatile struct grant_entry_v1 *table_of(const struct kit_puppet *p)
{
    struct xen_mem_acquire_resource a = {.type = XENMEM_resource_grant_table, .nr_frames = 1, .domid = p->id};
    int rc = 0;

    set_xen_guest_handle(a.frame_list, (void *)list);
    CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, &a), 0);
    return kit_foreign_map(p->id, list[0], PTE_RW, &rc);
}

static void grant_to(volatile struct grant_entry_v1 *table, unsigned ref, domid_t to, unsigned long mfn)
{
    table[ref].domid = to;
    table[ref].frame = (uint32_t)mfn;
    __atomic_store_n(&table[ref].flags, (uint16_t)GTF_permit_access, __ATOMIC_SEQ_CST);
}

static struct gnttab_map_grant_ref map(domid_t from, unsigned ref, uint64_t address, unsigned flags)
{
    struct gnttab_map_grant_ref m = {
        .dom = from, .ref = ref, .host_addr = address, .flags = flags, .status = 99};

    CHECK_RC(hcall_grant_table_op(GNTTABOP_map_grant_ref, &m, 1), 0);
    return m;
}

static int unmap(uint64_t address, unsigned handle)
{
    struct gnttab_unmap_grant_ref u = {.host_addr = address, .handle = handle, .status = 99};

    CHECK_RC(hcall_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
    return u.status;
}

static int copy_from(domid_t from, unsigned ref, void *to)
{
    struct gnttab_copy c = {.source = {.u.ref = ref, .domid = from},
                            .dest = {.u.gmfn = kit_mfn_of(to), .domid = DOMID_SELF},
                            .len = 8,
                            .flags = GNTCOPY_source_gref,
                            .status = 99};

    CHECK_RC(hcall_grant_table_op(GNTTABOP_copy, &c, 1), 0);
    return c.status;
}

static bool is_known(domid_t id)
{
    struct xen_domctl op = {0};

    return !kit_domctl(XEN_DOMCTL_getdomaininfo, id, &op) && op.domain == id;
}

/* What the hypervisor's console said since `from`: does it hold this? Keys work after a moment. */
static bool console_says(uint32_t from, const char *what)
{
    static char text[16384];
    uint64_t deadline = kit_time_ns() + 5000000000UL;
    unsigned used = 0;

    while (kit_time_ns() < deadline) {
        long n = kit_console_ring(text + used, (unsigned)sizeof(text) - 1 - used, &from);

        used += n > 0 ? (unsigned)n : 0;
        text[used] = 0;
        if (strstr(text, what))
            return true;
        hcall_sched_op(SCHEDOP_yield, NULL);
    }
    return false;
}

static uint32_t console_end(void)
{
    static char text[4096];
    uint32_t index = 0;

    while (kit_console_ring(text, sizeof(text), &index) > 0)
        ;
    return index;
}

/* The domain ends, with whatever is mapped of it but the box. On Xenios its number is unknown a moment later. */
static void end(struct kit_puppet *p)
{
    CHECK_EQ(kit_puppet_end(p), kit_on_xenios());
    CHECK_EQ(is_known(p->id), !kit_on_xenios());
}

KIT_TEST(orphans_of_page_tables)
{
    volatile struct grant_entry_v1 *table;
    volatile uint64_t *data, *again;
    char line[64];
    uint64_t before;
    uint32_t console;
    int rc;

    CHECK_OR_RETURN(windows_ready());
    before = kit_free_pages();
    CHECK_OR_RETURN(!kit_puppet_make(&first));
    table = table_of(&first);
    data = kit_foreign_map(first.id, first.mfn[20], PTE_RW, &rc);
    again = kit_foreign_map(first.id, first.mfn[20], PTE_RO, &rc);
    CHECK_OR_RETURN(table && data && again);
    *data = 0x1234;
    console = console_end();
    end(&first);
    /* The page, and the one of its grant table; each stays itself. */
    CHECK(kit_free_pages_are(before - 2));
    CHECK_EQ(*again, 0x1234);
    *data = 0x5678;
    CHECK_EQ(*again, 0x5678);
    grant_to(table, 30, 0, first.mfn[20]);
    if (kit_on_xenios()) {
        CHECK_RC(kit_debug_keys("O"), 0);
        kit_snprintf(line, sizeof(line), "frame 0x%lx: mapped by domain 0", first.mfn[20]);
        CHECK(console_says(console, line));
        CHECK_EQ(kit_audit(), 0);
    }
    /* Nobody gets at it anew, and who may still write it cannot make more of that. */
    CHECK(!kit_foreign_map(first.id, first.mfn[20], PTE_RO, &rc) || !kit_on_xenios());
    CHECK(mmu_one(pte_address(again), (uint64_t)first.mfn[20] << 12 | PTE_RW, DOMID_SELF) < 0);
    CHECK_RC(kit_foreign_unmap((void *)data), 0);
    CHECK_EQ(*again, 0x5678);
    CHECK_RC(kit_foreign_unmap((void *)again), 0);
    CHECK_RC(kit_foreign_unmap((void *)table), 0);
    if (kit_on_xenios())
        CHECK(kit_domain_gone(first.id));
    CHECK(kit_free_pages_are(before));
}

/* By grants alone, and beside a page table's entry that goes first, or last. */
static void granted(bool foreign_first)
{
    volatile struct grant_entry_v1 *table;
    struct gnttab_map_grant_ref rw, ro;
    volatile uint64_t *data;
    uint64_t before = kit_free_pages();
    int rc;

    CHECK_OR_RETURN(!kit_puppet_make(&first));
    table = table_of(&first);
    CHECK_OR_RETURN(table);
    kit_puppet_poke(&first, PAGE(20), 0xfeed);
    grant_to(table, 20, 0, first.mfn[20]);
    grant_to(table, 21, 0, first.mfn[20]);
    rw = map(first.id, 20, (uintptr_t)window[0], GNTMAP_host_map);
    ro = map(first.id, 21, (uintptr_t)window[1], GNTMAP_host_map | GNTMAP_readonly);
    data = kit_foreign_map(first.id, first.mfn[20], PTE_RW, &rc);
    CHECK_OR_RETURN(!rw.status && !ro.status && data);
    CHECK_RC(kit_foreign_unmap((void *)table), 0);
    end(&first);
    CHECK(kit_free_pages_are(before - 1));
    if (foreign_first)
        CHECK_RC(kit_foreign_unmap((void *)data), 0);
    CHECK_EQ(*(volatile uint64_t *)window[1], 0xfeed);
    /* Its handles are what they were. */
    CHECK_EQ(unmap((uintptr_t)window[1], rw.handle), GNTST_general_error);
    CHECK_EQ(unmap((uintptr_t)window[0], rw.handle), GNTST_okay);
    CHECK_EQ(unmap((uintptr_t)window[0], rw.handle), GNTST_bad_handle);
    CHECK_EQ(*(volatile uint64_t *)window[1], 0xfeed);
    CHECK(kit_free_pages_are(before - 1));
    CHECK_EQ(unmap((uintptr_t)window[1], ro.handle), GNTST_okay);
    if (!foreign_first) {
        CHECK_EQ(*data, 0xfeed);
        CHECK_RC(kit_foreign_unmap((void *)data), 0);
    }
    CHECK(kit_domain_gone(first.id));
    CHECK(kit_free_pages_are(before));
}

KIT_TEST(orphans_of_grants)
{
    CHECK_OR_RETURN(windows_ready());
    granted(true);
    granted(false);
}

/* For a device, and by replacing the mapping. */
KIT_TEST(orphans_replaced)
{
    volatile struct grant_entry_v1 *table;
    struct gnttab_map_grant_ref host, device;
    struct gnttab_unmap_and_replace r = {.status = 99};
    struct gnttab_unmap_grant_ref u = {.status = 99};
    uint64_t before;

    CHECK_OR_RETURN(windows_ready());
    before = kit_free_pages();
    CHECK_OR_RETURN(!kit_puppet_make(&first));
    table = table_of(&first);
    CHECK_OR_RETURN(table);
    grant_to(table, 20, 0, first.mfn[20]);
    host = map(first.id, 20, (uintptr_t)window[0], GNTMAP_host_map);
    device = map(first.id, 20, 0, GNTMAP_device_map);
    CHECK_OR_RETURN(!host.status && !device.status);
    CHECK_RC(kit_foreign_unmap((void *)table), 0);
    end(&first);
    CHECK(kit_free_pages_are(before - 1));
    r.host_addr = (uintptr_t)window[0];
    r.new_addr = (uintptr_t)window[1]; /* nothing is there: nor here then */
    r.handle = host.handle;
    CHECK_RC(hcall_grant_table_op(GNTTABOP_unmap_and_replace, &r, 1), 0);
    CHECK_EQ(r.status, GNTST_okay);
    CHECK(kit_free_pages_are(before - 1));
    u.dev_bus_addr = (uint64_t)(first.mfn[20] + 1) << 12;
    u.handle = device.handle;
    CHECK_RC(hcall_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
    CHECK_EQ(u.status, GNTST_bad_dev_addr);
    u.dev_bus_addr = (uint64_t)first.mfn[20] << 12;
    CHECK_RC(hcall_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
    CHECK_EQ(u.status, GNTST_okay);
    CHECK(kit_domain_gone(first.id));
    CHECK(kit_free_pages_are(before));
}

/* The number is free again a moment after nobody knows it. */
static long create_as(domid_t id)
{
    uint64_t deadline = kit_time_ns() + 10000000000UL;
    struct xen_domctl op;
    long rc;

    do {
        memset(&op, 0, sizeof(op));
        op.u.createdomain.max_vcpus = 1;
        op.u.createdomain.max_evtchn_port = 1023;
        op.u.createdomain.max_grant_frames = 8;
        op.u.createdomain.max_maptrack_frames = 16;
        op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(2);
        rc = kit_domctl(XEN_DOMCTL_createdomain, id, &op);
    } while (rc == -XEN_EEXIST && kit_time_ns() < deadline);
    return rc;
}

/* Nothing of it can be had anew: neither by its number nor by whoever has that number now. */
KIT_TEST(nothing_of_the_dead)
{
    volatile struct grant_entry_v1 *table;
    struct gnttab_map_grant_ref held, m;
    uint64_t before;
    void *page;
    int rc;

    CHECK_OR_RETURN(windows_ready());
    page = kit_page_alloc();
    before = kit_free_pages();
    CHECK_OR_RETURN(page && !kit_puppet_make(&first));
    table = table_of(&first);
    CHECK_OR_RETURN(table);
    grant_to(table, 20, 0, first.mfn[20]);
    held = map(first.id, 20, (uintptr_t)window[0], GNTMAP_host_map);
    CHECK_EQ(copy_from(first.id, 20, page), GNTST_okay);
    end(&first);
    m = map(first.id, 20, (uintptr_t)window[1], GNTMAP_host_map);
    /* Xen, which still knows it, lets its pages be mapped; neither lets them be copied. */
    CHECK_EQ(m.status, kit_on_xenios() ? GNTST_bad_domain : GNTST_okay);
    CHECK_EQ(copy_from(first.id, 20, page), GNTST_bad_domain);
    if (kit_on_xenios()) {
        CHECK_RC(create_as(first.id), 0);
        CHECK(!kit_foreign_map(first.id, first.mfn[20], PTE_RO, &rc));
        CHECK(map(first.id, 20, (uintptr_t)window[1], GNTMAP_host_map).status < 0);
        CHECK_EQ(unmap((uintptr_t)window[0], held.handle), GNTST_okay);
        CHECK(kit_domain_gone(first.id));
        CHECK_RC(kit_foreign_unmap((void *)table), 0);
    } else {
        CHECK_EQ(unmap((uintptr_t)window[1], m.handle), GNTST_okay);
        CHECK_EQ(unmap((uintptr_t)window[0], held.handle), GNTST_okay);
        CHECK_RC(kit_foreign_unmap((void *)table), 0);
        CHECK(kit_domain_gone(first.id));
    }
    kit_page_free(page);
    CHECK(kit_free_pages_are(before));
}

/* Two that die, one of which has mapped the other's page by a grant: whichever goes first. */
static void both_die(bool granter_first)
{
    volatile struct grant_entry_v1 *table;
    struct gnttab_map_grant_ref *m;
    uint64_t before = kit_free_pages();
    int rc;

    CHECK_OR_RETURN(!kit_puppet_make(&first) && !kit_puppet_make(&second));
    table = table_of(&first);
    m = kit_foreign_map(second.id, second.mfn[21], PTE_RW, &rc);
    CHECK_OR_RETURN(table && m);
    kit_puppet_poke(&first, PAGE(20), 0xbeef);
    grant_to(table, 20, second.id, first.mfn[20]);
    *m = (struct gnttab_map_grant_ref){
        .dom = first.id, .ref = 20, .host_addr = PAGE(22), .flags = GNTMAP_host_map, .status = 99};
    CHECK_RC(kit_puppet_call(&second, __HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, PAGE(21), 1, 0),
             0);
    CHECK_EQ(m->status, GNTST_okay);
    CHECK_EQ(kit_puppet_peek(&second, PAGE(22)), 0xbeef);
    CHECK_RC(kit_foreign_unmap((void *)table), 0);
    CHECK_RC(kit_foreign_unmap((void *)m), 0);
    if (granter_first) {
        uint32_t console = console_end();
        char line[64];

        end(&first);
        CHECK_EQ(kit_puppet_peek(&second, PAGE(22)), 0xbeef);
        if (kit_on_xenios()) {
            CHECK_RC(kit_debug_keys("O"), 0);
            kit_snprintf(line, sizeof(line), "frame 0x%lx: mapped by domain %u by grant", first.mfn[20],
                         second.id);
            CHECK(console_says(console, line));
            CHECK_EQ(kit_audit(), 0);
        }
        CHECK(kit_puppet_end(&second));
    } else {
        CHECK(kit_puppet_end(&second));
        CHECK_EQ(kit_puppet_peek(&first, PAGE(20)), 0xbeef);
        CHECK(kit_puppet_end(&first));
    }
    CHECK(kit_domain_gone(first.id));
    CHECK(kit_free_pages_are(before));
}

KIT_TEST(both_ends_die)
{
    both_die(true);
    both_die(false);
}
