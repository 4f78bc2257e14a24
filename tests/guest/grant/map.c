/* SPDX-License-Identifier: MIT */
/* Mapping and unmapping, from domain 0 to itself. */
#include "grant.h"

#define ADDRESS(window) ((uintptr_t)(window))
#define KERNEL_RW       (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_NX | PTE_KERNEL)
#define NOT_DONE        0x5555

KIT_TEST(map_read_write)
{
    struct gnttab_map_grant_ref m;
    uint64_t at;

    CHECK_OR_RETURN(grant_prepare());
    at = ADDRESS(window);
    memcpy(granted, "granted", 8);
    grant(REF, 0, granted_mfn, GTF_permit_access);
    m = map_ref(0, REF, at, GNTMAP_host_map);
    CHECK_EQ(m.status, GNTST_okay);
    CHECK_OR_RETURN(m.status == GNTST_okay);
    CHECK_EQ(m.dev_bus_addr, granted_mfn << 12);
    CHECK_EQ(kit_pte_of(at), granted_mfn << 12 | KERNEL_RW);
    CHECK(!memcmp(window, "granted", 8));
    memcpy(window, "written", 8);
    CHECK(!memcmp(granted, "written", 8));
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(unmap_ref(at, 0, m.handle + 4000), GNTST_bad_handle);
    CHECK_EQ(unmap_ref(at, 0, m.handle + 1), GNTST_bad_handle);
    CHECK_EQ(unmap_ref(ADDRESS(grant_v1), 0, m.handle), GNTST_general_error); /* another page is there */
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay);
    CHECK_EQ(kit_pte_of(at), 0);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_bad_handle);
}

KIT_TEST(map_names_of_oneself)
{
    CHECK_OR_RETURN(grant_prepare());
    CHECK_EQ(map_ref(DOMID_SELF, REF, ADDRESS(window), GNTMAP_host_map).status, GNTST_bad_domain);
    grant(REF, DOMID_SELF, granted_mfn, GTF_permit_access);
    CHECK_EQ(map_ref(0, REF, ADDRESS(window), GNTMAP_host_map).status, GNTST_general_error);
}

KIT_TEST(map_errors)
{
    struct gnttab_map_grant_ref m;
    uint64_t at;

    CHECK_OR_RETURN(grant_prepare());
    at = ADDRESS(window);
    grant(REF, 0, granted_mfn, GTF_permit_access);
    CHECK_EQ(map_ref(77, REF, at, GNTMAP_host_map).status, GNTST_bad_domain);
    CHECK_EQ(map_ref(0, 100000, at, GNTMAP_host_map).status, GNTST_bad_gntref);
    CHECK_EQ(map_ref(0, REF, at, 0).status, GNTST_bad_gntref);
    CHECK_EQ(map_ref(0, REF, at, GNTMAP_readonly).status, GNTST_bad_gntref);
    m = map_ref(0, REF + 1, at, GNTMAP_host_map); /* grants nothing */
    CHECK_EQ(m.status, GNTST_general_error);
    CHECK_EQ(m.handle, NOT_DONE);
    CHECK_EQ(m.dev_bus_addr, 0x77);
    grant(REF, 5, granted_mfn, GTF_permit_access);
    CHECK_EQ(map_ref(0, REF, at, GNTMAP_host_map).status, GNTST_general_error);
    grant(REF, 0, granted_mfn, GTF_accept_transfer);
    CHECK_EQ(map_ref(0, REF, at, GNTMAP_host_map).status, GNTST_general_error);
    grant(REF, 0, 0xfffffff, GTF_permit_access);
    CHECK_EQ(map_ref(0, REF, at, GNTMAP_host_map).status, GNTST_bad_page);
    grant(REF, 0, kit_root_mfn, GTF_permit_access); /* a page table: never writable */
    CHECK_EQ(map_ref(0, REF, at, GNTMAP_host_map).status, GNTST_general_error);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    m = map_ref(0, REF, at, GNTMAP_host_map | GNTMAP_readonly);
    CHECK_EQ(m.status, GNTST_okay);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay);
    grant(REF, 0, granted_mfn, GTF_permit_access);
    CHECK_EQ(map_ref(0, REF, 0x123456000, GNTMAP_host_map).status, GNTST_general_error);
    CHECK_EQ(map_ref(0, REF, 0xffff830000000000, GNTMAP_host_map).status, GNTST_general_error);
    CHECK_EQ(map_ref(0, REF, kit_maddr_of(granted), GNTMAP_host_map | GNTMAP_contains_pte).status,
             GNTST_general_error);
    CHECK_EQ(map_ref(0, REF, 0xffffffffff000, GNTMAP_host_map | GNTMAP_contains_pte).status,
             GNTST_general_error);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    m = map_ref(0, REF, at + 5, GNTMAP_host_map); /* nobody minds */
    CHECK_EQ(m.status, GNTST_okay);
    CHECK_EQ(unmap_ref(at + 9, 0, m.handle), GNTST_okay);
    CHECK_RC(grant_op(GNTTABOP_map_grant_ref, (void *)0x1000, 0), 0);
    CHECK_RC(grant_op(GNTTABOP_map_grant_ref, (void *)0x1000, 1), -XEN_EFAULT);
    CHECK_RC(grant_op(GNTTABOP_unmap_grant_ref, (void *)0x1000, 1), -XEN_EFAULT);
    CHECK_RC(grant_op(GNTTABOP_unmap_and_replace, (void *)0x1000, 1), -XEN_EFAULT);
    CHECK_RC(grant_op(GNTTABOP_swap_grant_ref, (void *)0x1000, 1), -XEN_EFAULT);
    CHECK_RC(grant_op(GNTTABOP_copy, (void *)0x1000, 1), -XEN_EFAULT);
}

KIT_TEST(map_read_only)
{
    struct gnttab_map_grant_ref m, n;
    uint64_t at;

    CHECK_OR_RETURN(grant_prepare());
    at = ADDRESS(window);
    grant(REF, 0, granted_mfn, GTF_permit_access | GTF_readonly);
    CHECK_EQ(map_ref(0, REF, at, GNTMAP_host_map).status, GNTST_general_error);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_readonly);
    m = map_ref(0, REF, at, GNTMAP_host_map | GNTMAP_readonly);
    CHECK_EQ(m.status, GNTST_okay);
    CHECK_EQ(kit_pte_of(at), granted_mfn << 12 | (KERNEL_RW & ~PTE_W));
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_readonly | GTF_reading);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay);
    /* Read-only and writable at once: the flags follow. */
    grant(REF, 0, granted_mfn, GTF_permit_access);
    m = map_ref(0, REF, at, GNTMAP_host_map | GNTMAP_readonly);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_reading);
    n = map_ref(0, REF, 0, GNTMAP_device_map);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(unmap_ref(0, n.dev_bus_addr, n.handle), GNTST_okay);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_reading);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
}

KIT_TEST(map_kinds)
{
    struct gnttab_map_grant_ref m;
    uint64_t at, maddr, value;

    CHECK_OR_RETURN(grant_prepare());
    at = ADDRESS(window);
    grant(REF, 0, granted_mfn, GTF_permit_access);
    m = map_ref(0, REF, 0, GNTMAP_device_map);
    CHECK_EQ(m.dev_bus_addr, granted_mfn << 12);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay); /* has no such part: nothing happens */
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(unmap_ref(0, m.dev_bus_addr, m.handle), GNTST_okay);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    m = map_ref(0, REF, at, GNTMAP_device_map | GNTMAP_host_map);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(unmap_ref(0, m.dev_bus_addr, m.handle), GNTST_okay);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    m = map_ref(0, REF, at, GNTMAP_device_map | GNTMAP_host_map);
    CHECK_EQ(unmap_ref(at, m.dev_bus_addr, m.handle), GNTST_okay);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    m = map_ref(0, REF, at, GNTMAP_host_map);
    CHECK_EQ(unmap_ref(0, 0, m.handle), GNTST_okay); /* neither part: nothing happens */
    CHECK_EQ(kit_pte_of(at), granted_mfn << 12 | KERNEL_RW);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay);
    m = map_ref(0, REF, at, GNTMAP_host_map | GNTMAP_application_map);
    CHECK_EQ(kit_pte_of(at), granted_mfn << 12 | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_G | PTE_NX);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay);
    m = map_ref(0, REF, at, GNTMAP_host_map | GNTMAP_readonly | GNTMAP_guest_avail_mask);
    CHECK_EQ(kit_pte_of(at), granted_mfn << 12 | (KERNEL_RW & ~PTE_W) | PTE_AVL);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay);
    CHECK(kit_pte_find(kit_root_mfn, at, 1, &maddr, &value));
    m = map_ref(0, REF, maddr, GNTMAP_host_map | GNTMAP_contains_pte);
    CHECK_EQ(kit_pte_of(at), granted_mfn << 12 | KERNEL_RW);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_general_error); /* it takes no virtual address now */
    CHECK_EQ(unmap_ref(maddr, 0, m.handle), GNTST_okay);
    CHECK_EQ(kit_pte_of(at), 0);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
}

/* Page table entries changed behind the interface's back: the mapping stays accounted until its entry is back. */
KIT_TEST(map_and_zap)
{
    struct gnttab_map_grant_ref m;
    uint64_t at;

    CHECK_OR_RETURN(grant_prepare());
    at = ADDRESS(window);
    grant(REF, 0, granted_mfn, GTF_permit_access);
    m = map_ref(0, REF, at, GNTMAP_host_map | GNTMAP_readonly);
    CHECK_RC(kit_unmap(window), 0);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_general_error);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access | GTF_reading);
    CHECK_RC(kit_remap(window, granted_mfn << 12 | PTE_RW), 0);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_general_error); /* more than was granted */
    CHECK_RC(kit_remap(window, granted_mfn << 12 | PTE_RO), 0);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay);
    CHECK_EQ(kit_pte_of(at), 0);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
}

KIT_TEST(in_use)
{
    struct gnttab_set_version v = {.version = 2};
    struct gnttab_swap_grant_ref s = {.ref_a = REF, .ref_b = REF + 1, .status = 99};
    struct gnttab_map_grant_ref m;
    uint64_t at;

    CHECK_OR_RETURN(grant_prepare());
    at = ADDRESS(window);
    grant(REF, 0, granted_mfn, GTF_permit_access);
    m = map_ref(0, REF, at, GNTMAP_host_map);
    CHECK_RC(grant_op(GNTTABOP_set_version, &v, 1), -XEN_EBUSY);
    CHECK_EQ(v.version, 1); /* what it is */
    CHECK_RC(grant_op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_eagain);
    /* What the entry says now does not count while it is in use. */
    grant(REF, 5, 0xfffffff, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(unmap_ref(at, 0, m.handle), GNTST_okay);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    grant(REF, 0, granted_mfn, GTF_permit_access);
    CHECK_RC(grant_op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    CHECK(grant_v1[REF].flags == 0 && grant_v1[REF + 1].flags == GTF_permit_access &&
          grant_v1[REF + 1].frame == granted_mfn);
    s.ref_b = REF;
    CHECK_RC(grant_op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    s.ref_b = 1 << 20;
    CHECK_RC(grant_op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_bad_gntref);
    grant(REF + 1, 0, 0, 0);
}

static int replace(unsigned handle, uint64_t with)
{
    struct gnttab_unmap_and_replace r = {
        .host_addr = ADDRESS(window), .new_addr = with, .handle = handle, .status = 99};

    CHECK_RC(grant_op(GNTTABOP_unmap_and_replace, &r, 1), 0);
    return r.status;
}

KIT_TEST(replaced)
{
    char *other = kit_page_alloc();
    unsigned long other_mfn = kit_mfn_of(other);
    struct gnttab_map_grant_ref m;
    uint64_t at;

    CHECK_OR_RETURN(grant_prepare());
    at = ADDRESS(window);
    grant(REF, 0, granted_mfn, GTF_permit_access);
    m = map_ref(0, REF, at, GNTMAP_host_map);
    CHECK_EQ(replace(m.handle, ADDRESS(other)), GNTST_okay);
    CHECK_EQ((kit_pte_of(at) & PTE_ADDR) >> 12, other_mfn);
    CHECK_EQ(kit_pte_of(ADDRESS(other)), 0);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    CHECK_EQ(replace(m.handle, ADDRESS(other)), GNTST_bad_handle);
    m = map_ref(0, REF, at, GNTMAP_host_map);
    CHECK_EQ(replace(m.handle, ADDRESS(other)), GNTST_okay); /* by nothing */
    CHECK_EQ(kit_pte_of(at), 0);
    m = map_ref(0, REF, at, GNTMAP_host_map);
    CHECK_EQ(replace(m.handle, 0x123456000), GNTST_general_error);
    CHECK_EQ(kit_pte_of(at), granted_mfn << 12 | KERNEL_RW);
    CHECK_EQ(replace(m.handle, 0), GNTST_okay);
    CHECK_EQ(kit_pte_of(at), 0);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    CHECK_RC(kit_remap(other, other_mfn << 12 | PTE_RW), 0);
}

#define MANY  150
#define FIRST 30 /* ten entries from there on: 128 uses of one and no more (most_uses) */

/* More than any batch, with one in the middle that fails. */
KIT_TEST(batches)
{
    static struct gnttab_map_grant_ref m[MANY];
    static struct gnttab_unmap_grant_ref u[MANY];

    CHECK_OR_RETURN(grant_prepare());
    for (unsigned i = 0; i < 10; i++)
        grant(FIRST + i, 0, granted_mfn, GTF_permit_access);
    for (unsigned i = 0; i < MANY; i++)
        m[i] = (struct gnttab_map_grant_ref){
            .flags = GNTMAP_device_map, .ref = i == 100 ? 100000 : FIRST + i % 10, .status = 99};
    CHECK_RC(grant_op(GNTTABOP_map_grant_ref, m, MANY), 0);
    for (unsigned i = 0; i < MANY; i++) {
        CHECK_EQ(m[i].status, i == 100 ? GNTST_bad_gntref : GNTST_okay);
        u[i] = (struct gnttab_unmap_grant_ref){
            .dev_bus_addr = granted_mfn << 12, .handle = i == 100 ? 50000000 : m[i].handle, .status = 99};
    }
    CHECK_EQ(grant_v1[FIRST].flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_RC(grant_op(GNTTABOP_unmap_grant_ref, u, MANY), 0);
    for (unsigned i = 0; i < MANY; i++)
        CHECK_EQ(u[i].status, i == 100 ? GNTST_bad_handle : GNTST_okay);
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(grant_v1[FIRST + i].flags, GTF_permit_access);
        grant(FIRST + i, 0, 0, 0);
    }
}

/* Maps the entry until it is refused, and undoes all of it; at most LIMIT times. */
#define LIMIT 400
static unsigned most(unsigned ref, unsigned flags)
{
    static unsigned handles[LIMIT];
    unsigned count = 0;

    for (; count < LIMIT; count++) {
        struct gnttab_map_grant_ref m = map_ref(0, ref, 0, flags);

        if (m.status) {
            CHECK_EQ(m.status, GNTST_general_error);
            break;
        }
        handles[count] = m.handle;
    }
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(unmap_ref(0, granted_mfn << 12, handles[i]), GNTST_okay);
    return count;
}

/* Of each kind (by whom, and whether it is written) 128 uses of an entry at a time; a copy is a use of the host's kind. */
KIT_TEST(most_uses)
{
    struct gnttab_copy c = {.flags = GNTCOPY_source_gref, .len = 8, .source = {.u.ref = REF}};
    char *windows = kit_pages_alloc(128);
    static unsigned handles[128];

    CHECK_OR_RETURN(grant_prepare() && windows);
    grant(REF, 0, granted_mfn, GTF_permit_access);
    grant(REF + 1, 0, granted_mfn, GTF_permit_access);
    CHECK_EQ(most(REF, GNTMAP_device_map), 128);
    CHECK_EQ(most(REF, GNTMAP_device_map), 128); /* those before are gone */
    CHECK_EQ(most(REF, GNTMAP_device_map | GNTMAP_readonly), 128);
    c.dest.u.gmfn = kit_mfn_of(windows);
    c.dest.domid = DOMID_SELF;
    for (unsigned i = 0; i < 128; i++) {
        struct gnttab_map_grant_ref m;

        kit_unmap(windows + i * KIT_PAGE_SIZE);
        m = map_ref(0, REF, ADDRESS(windows) + i * KIT_PAGE_SIZE, GNTMAP_host_map | GNTMAP_readonly);
        CHECK_EQ(m.status, GNTST_okay);
        handles[i] = m.handle;
    }
    CHECK_EQ(map_ref(0, REF, ADDRESS(window), GNTMAP_host_map | GNTMAP_readonly).status, GNTST_general_error);
    CHECK_EQ(map_ref(0, REF, ADDRESS(window), GNTMAP_host_map | GNTMAP_device_map | GNTMAP_readonly).status,
             GNTST_general_error);
    CHECK_RC(grant_op(GNTTABOP_copy, &c, 1), 0);
    CHECK_EQ(c.status, GNTST_general_error);
    c.source.u.ref = REF + 1;
    CHECK_RC(grant_op(GNTTABOP_copy, &c, 1), 0);
    CHECK_EQ(c.status, GNTST_okay);
    CHECK_EQ(most(REF, GNTMAP_device_map | GNTMAP_readonly),
             128); /* other kinds have counters of their own */
    CHECK_EQ(most(REF, GNTMAP_device_map), 128);
    for (unsigned i = 0; i < 128; i++)
        CHECK_EQ(unmap_ref(ADDRESS(windows) + i * KIT_PAGE_SIZE, 0, handles[i]), GNTST_okay);
    CHECK_EQ(grant_v1[REF].flags, GTF_permit_access);
    for (unsigned i = 0; i < 128; i++)
        CHECK_RC(kit_set_rw(windows + i * KIT_PAGE_SIZE), 0);
    kit_pages_free(windows, 128);
}
