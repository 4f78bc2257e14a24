/* SPDX-License-Identifier: MIT */
/*
 * memory_op commands that only tell.
 * GUEST-GROUP: smp=2 mem=768 dom0=256M
 */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>

struct e820 {
    uint64_t start, size;
    uint32_t type;
} __attribute__((packed));

KIT_TEST(maximum_ram_page)
{
    long top = hcall_memory_op(XENMEM_maximum_ram_page, NULL);
    unsigned long highest = 0;

    for (unsigned long pfn = 0; pfn < kit_start_info->nr_pages; pfn++)
        highest = kit_p2m[pfn] > highest ? kit_p2m[pfn] : highest;
    CHECK((unsigned long)top > highest);
    CHECK(top <= 768L << 8);
    CHECK_EQ(hcall_memory_op(XENMEM_maximum_ram_page, (void *)0x1000), top);
}

KIT_TEST(reservations)
{
    struct xen_memory_domain d = {.domid = DOMID_SELF};

    CHECK_EQ(hcall_memory_op(XENMEM_current_reservation, &d), kit_start_info->nr_pages);
    CHECK_EQ(hcall_memory_op(XENMEM_maximum_reservation, &d), 0xffffffff); /* domain 0 without max: */
    d.domid = 0;
    CHECK_EQ(hcall_memory_op(XENMEM_current_reservation, &d), kit_start_info->nr_pages);
    d.domid = 77;
    CHECK_RC(hcall_memory_op(XENMEM_current_reservation, &d), -XEN_ESRCH);
    CHECK_RC(hcall_memory_op(XENMEM_maximum_reservation, &d), -XEN_ESRCH);
    CHECK_RC(hcall_memory_op(XENMEM_maximum_gpfn, &d), -XEN_ESRCH);
    d.domid = DOMID_XEN;
    CHECK_RC(hcall_memory_op(XENMEM_current_reservation, &d), -XEN_ESRCH);
    CHECK_RC(hcall_memory_op(XENMEM_current_reservation, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(hcall_memory_op(XENMEM_maximum_reservation, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(hcall_memory_op(XENMEM_maximum_gpfn, (void *)0x1000), -XEN_EFAULT);
}

KIT_TEST(maximum_gpfn)
{
    struct xen_memory_domain d = {.domid = DOMID_SELF};

    CHECK_EQ(hcall_memory_op(XENMEM_maximum_gpfn, &d), 0); /* it is the guest's own word: */
    kit_shared->arch.max_pfn = 0x1234;
    CHECK_EQ(hcall_memory_op(XENMEM_maximum_gpfn, &d), 0x1233);
    kit_shared->arch.max_pfn = 0;
}

/* Nobody set a pseudo-physical map for domain 0: there is none. */
KIT_TEST(memory_map)
{
    static struct e820 map[32];
    struct xen_memory_map m = {.nr_entries = 32};

    set_xen_guest_handle(m.buffer, map);
    CHECK_RC(hcall_memory_op(XENMEM_memory_map, &m), -XEN_ENOSYS);
    CHECK_RC(hcall_memory_op(XENMEM_memory_map, (void *)0x1000), -XEN_EFAULT);
}

KIT_TEST(machine_memory_map)
{
    static struct e820 map[64];
    struct xen_memory_map m = {.nr_entries = 64};
    uint64_t ram = 0;
    unsigned n;

    set_xen_guest_handle(m.buffer, map);
    CHECK_RC(hcall_memory_op(XENMEM_machine_memory_map, &m), 0);
    n = m.nr_entries;
    CHECK(n > 3 && n < 64);
    for (unsigned i = 0; i < n; i++) {
        CHECK(i == 0 || map[i].start >= map[i - 1].start + map[i - 1].size);
        ram += map[i].type == 1 ? map[i].size : 0;
    }
    CHECK(ram > 760UL << 20 && ram <= 768UL
                                          << 20); /* the machine's own map: the hypervisor's part is in it */
    /* A buffer too small is not filled at all. */
    m.nr_entries = n - 1;
    CHECK_RC(hcall_memory_op(XENMEM_machine_memory_map, &m), -XEN_EINVAL);
    m.nr_entries = 0;
    CHECK_RC(hcall_memory_op(XENMEM_machine_memory_map, &m), -XEN_EINVAL);
    /* A null buffer asks for the number. */
    set_xen_guest_handle(m.buffer, (void *)NULL);
    CHECK_RC(hcall_memory_op(XENMEM_machine_memory_map, &m), 0);
    CHECK_EQ(m.nr_entries, n);
    set_xen_guest_handle(m.buffer, (void *)0x1000);
    CHECK_RC(hcall_memory_op(XENMEM_machine_memory_map, &m), -XEN_EFAULT);
    CHECK_RC(hcall_memory_op(XENMEM_machine_memory_map, (void *)0x1000), -XEN_EFAULT);
}

/* The last test of this area that looks at the map: domain 0 may set its own. */
KIT_TEST(set_memory_map)
{
    static struct e820 set[2] = {{0, 0x10000, 1}, {0x20000, 0x1000, 2}}, got[2];
    struct xen_foreign_memory_map f = {.domid = DOMID_SELF, .map.nr_entries = 2};
    struct xen_memory_map m = {.nr_entries = 1};

    set_xen_guest_handle(f.map.buffer, set);
    CHECK_RC(hcall_memory_op(XENMEM_set_memory_map, &f), 0);
    set_xen_guest_handle(m.buffer, got);
    CHECK_RC(hcall_memory_op(XENMEM_memory_map, &m), 0);
    CHECK_EQ(m.nr_entries, 1); /* as many as fit */
    m.nr_entries = 2;
    CHECK_RC(hcall_memory_op(XENMEM_memory_map, &m), 0);
    CHECK(m.nr_entries == 2 && !memcmp(set, got, sizeof(set)));
    f.map.nr_entries = 0;
    CHECK_RC(hcall_memory_op(XENMEM_set_memory_map, &f), 0);
    CHECK_RC(hcall_memory_op(XENMEM_memory_map, &m), -XEN_ENOSYS);
    f.map.nr_entries = 1 << 20;
    CHECK_RC(hcall_memory_op(XENMEM_set_memory_map, &f), -XEN_EINVAL);
    f.map.nr_entries = 1;
    f.domid = 77;
    CHECK_RC(hcall_memory_op(XENMEM_set_memory_map, &f), -XEN_ESRCH);
    CHECK_RC(hcall_memory_op(XENMEM_set_memory_map, (void *)0x1000), -XEN_EFAULT);
}

KIT_TEST(machphys)
{
    struct xen_machphys_mapping m;
    unsigned long list[64] = {0};
    struct xen_machphys_mfn_list l = {.max_extents = 64};
    unsigned long top = (unsigned long)hcall_memory_op(XENMEM_maximum_ram_page, NULL);

    CHECK_RC(hcall_memory_op(XENMEM_machphys_mapping, &m), 0);
    CHECK_EQ(m.v_start, MACH2PHYS_VIRT_START);
    CHECK_EQ(m.v_end, MACH2PHYS_VIRT_END);
    CHECK_EQ(m.max_mfn, top - 1); /* maximum_ram_page is one more than the last */
    set_xen_guest_handle(l.extent_start, list);
    CHECK_RC(hcall_memory_op(XENMEM_machphys_mfn_list, &l), 0);
    CHECK_EQ(l.nr_extents, ((top - 1) >> 18) + 1); /* one for each 2 MiB of the table */
    CHECK_EQ(list[0] & 511, 0);
    CHECK(list[0] != 0);
    l.max_extents = 0;
    CHECK_RC(hcall_memory_op(XENMEM_machphys_mfn_list, &l), 0);
    CHECK_EQ(l.nr_extents, 0);
    /* There is no 32-bit PV here. */
    CHECK_RC(hcall_memory_op(XENMEM_machphys_compat_mfn_list, &l), -XEN_EOPNOTSUPP);
    CHECK_RC(hcall_memory_op(XENMEM_machphys_mapping, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(hcall_memory_op(XENMEM_machphys_mfn_list, (void *)0x1000), -XEN_EFAULT);
    l.max_extents = 64;
    set_xen_guest_handle(l.extent_start, (void *)0x1000);
    CHECK_RC(hcall_memory_op(XENMEM_machphys_mfn_list, &l), -XEN_EFAULT);
}

/* The physical map of a PV guest is its own: these are for translated ones. */
KIT_TEST(not_for_pv)
{
    struct xen_add_to_physmap a = {.domid = DOMID_SELF, .gpfn = 0x1000};
    struct xen_remove_from_physmap r = {.domid = DOMID_SELF, .gpfn = 1};
    struct xen_add_to_physmap_batch b = {.domid = DOMID_SELF, .space = XENMAPSPACE_gmfn, .size = 1};
    struct xen_pod_target pod = {.domid = DOMID_SELF};
    static struct xen_vnuma_topology_info v = {.domid = DOMID_SELF};
    static const unsigned spaces[] = {XENMAPSPACE_shared_info, XENMAPSPACE_grant_table, XENMAPSPACE_gmfn, 99};

    for (unsigned i = 0; i < ARRAY_SIZE(spaces); i++) {
        a.space = spaces[i];
        CHECK_RC(hcall_memory_op(XENMEM_add_to_physmap, &a), -XEN_EACCES);
    }
    a.space = XENMAPSPACE_gmfn_foreign; /* only in batches */
    CHECK_RC(hcall_memory_op(XENMEM_add_to_physmap, &a), -XEN_ENOSYS);
    a.space = XENMAPSPACE_gmfn;
    a.domid = 77;
    CHECK_RC(hcall_memory_op(XENMEM_add_to_physmap, &a), -XEN_ESRCH);
    CHECK_RC(hcall_memory_op(XENMEM_remove_from_physmap, &r), -XEN_EACCES);
    CHECK_RC(hcall_memory_op(XENMEM_add_to_physmap_batch, &b), -XEN_EACCES);
    CHECK_RC(hcall_memory_op(XENMEM_set_pod_target, &pod), -XEN_EINVAL);
    CHECK_RC(hcall_memory_op(XENMEM_get_pod_target, &pod), -XEN_EINVAL);
    CHECK_RC(hcall_memory_op(XENMEM_get_vnumainfo, &v), -XEN_EOPNOTSUPP);
}

KIT_TEST(unknown_commands)
{
    /* The low six bits are the command, the others where to go on. */
    static const unsigned unknown[] = {8, 20, 22, 29, 30, 31, 40, 63};

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
        CHECK_RC(hcall_memory_op(unknown[i], (void *)0x1000), -XEN_ENOSYS);
    for (unsigned cmd = 3; cmd < 28; cmd++)
        if (cmd != 6 && cmd != 8 && cmd != 18 && cmd != 19 && cmd != 20 && cmd != 22 && cmd != 25)
            kit_check(hcall_memory_op(cmd, (void *)0x1000) == -XEN_EFAULT, __FILE__, __LINE__,
                      "command %u: %ld", cmd, hcall_memory_op(cmd, (void *)0x1000));
}
