/* SPDX-License-Identifier: MIT */
/*
 * Making a domain up to its first instruction, and ending it: the calls that libxl and libxenctrl make for a small PV guest, as strace shows them
 * on Debian (tests/system), replayed. What each domain costs in memory that is not its own.
 */
#include "pair.h"

#define DOMAINS      8
#define EXTENTS      8 /* of 2 MiB */
#define EXTENT_ORDER 9
#define IMAGE_PAGES  512 /* that the builder maps, writes and unmaps */
#define SETTLE_NS    (10 * KIT_MS)

static struct kit_puppet made[DOMAINS];
static uint64_t extents[EXTENTS];
static struct xen_domctl op;

static long domctl(unsigned cmd, const struct kit_puppet *p)
{
    return kit_domctl(cmd, p->id, &op);
}

static struct xen_domctl *cleared(void)
{
    memset(&op, 0, sizeof(op));
    return &op;
}

/* Ask for the policy, and set it as it is. */
static void set_policy(const struct kit_puppet *p)
{
    static xen_cpuid_leaf_t leaves[512];
    static xen_msr_entry_t msrs[64];
    struct xen_domctl_cpu_policy policy = {.nr_leaves = ARRAY_SIZE(leaves), .nr_msrs = ARRAY_SIZE(msrs)};

    set_xen_guest_handle(policy.leaves, leaves);
    set_xen_guest_handle(policy.msrs, msrs);
    cleared()->u.cpu_policy = policy;
    CHECK_RC(domctl(XEN_DOMCTL_get_cpu_policy, p), 0);
    CHECK_RC(domctl(XEN_DOMCTL_set_cpu_policy, p), 0);
}

static void set_up(const struct kit_puppet *p)
{
    static uint64_t nodes = 1;
    struct evtchn_alloc_unbound port = {.dom = p->id, .remote_dom = 0};

    for (unsigned i = 0; i < 3; i++) {
        cleared();
        domctl(XEN_DOMCTL_getdomaininfo, p);
    }
    cleared();
    set_xen_guest_handle(op.u.nodeaffinity.nodemap.bitmap, (void *)&nodes);
    op.u.nodeaffinity.nodemap.nr_bits = 1;
    domctl(XEN_DOMCTL_setnodeaffinity, p);
    CHECK_RC(kit_domain_pin(p->id, 0, ~0UL), 0);
    cleared()->u.max_mem.max_memkb = 24 << 10;
    CHECK_RC(domctl(XEN_DOMCTL_max_mem, p), 0);
    cleared();
    domctl(XEN_DOMCTL_settscinfo, p);
    cleared();
    domctl(XEN_DOMCTL_get_address_size, p);
    set_policy(p);
    hcall_event_channel_op(EVTCHNOP_alloc_unbound, &port);
    hcall_event_channel_op(EVTCHNOP_alloc_unbound, &port);
}

static void populate(const struct kit_puppet *p)
{
    struct xen_memory_reservation r = {.nr_extents = EXTENTS, .extent_order = EXTENT_ORDER, .domid = p->id};

    for (unsigned i = 0; i < EXTENTS; i++)
        extents[i] = (uint64_t)(i + 1) << EXTENT_ORDER;
    set_xen_guest_handle(r.extent_start, (void *)extents);
    CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap, &r), EXTENTS);
}

/* As privcmd maps a batch for the builder: a list of updates for foreign frames; unmapped by a list of zeros. */
static void write_image(const struct kit_puppet *p)
{
    static struct mmu_update list[IMAGE_PAGES];
    static uint64_t slot[IMAGE_PAGES];
    static char *pages;

    if (!pages) {
        pages = kit_pages_alloc(IMAGE_PAGES);
        for (unsigned i = 0; i < IMAGE_PAGES; i++)
            kit_pte_find(kit_root_mfn, (uintptr_t)pages + i * KIT_PAGE_SIZE, 1, &slot[i], NULL);
    }
    for (unsigned i = 0; i < IMAGE_PAGES; i++)
        list[i] = (struct mmu_update){slot[i] | MMU_NORMAL_PT_UPDATE, (extents[0] + i) << 12 | PTE_RW};
    CHECK_RC(hcall_mmu_update(list, IMAGE_PAGES, NULL, p->id), 0);
    memset(pages, 0x90, IMAGE_PAGES * KIT_PAGE_SIZE);
    for (unsigned i = 0; i < IMAGE_PAGES; i++)
        list[i].val = 0;
    CHECK_RC(hcall_mmu_update(list, IMAGE_PAGES, NULL, DOMID_SELF), 0);
    kit_mmuext1(MMUEXT_TLB_FLUSH_ALL, 0, 0);
}

static void seed_grants(const struct kit_puppet *p)
{
    static uint64_t list[64];
    struct xen_mem_acquire_resource a = {.type = XENMEM_resource_grant_table, .domid = p->id, .nr_frames = 1};
    volatile struct grant_entry_v1 *table;

    set_xen_guest_handle(a.frame_list, (void *)list);
    CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, &a), 0);
    table = kit_foreign_map(p->id, list[0], PTE_RW, NULL);
    if (!table)
        return;
    for (unsigned i = 8; i < 10; i++)
        table[i] =
            (struct grant_entry_v1){.flags = GTF_permit_access, .domid = 0, .frame = (uint32_t)p->mfn[i]};
    kit_foreign_unmap((void *)(uintptr_t)table);
}

KIT_PROGRAM static void first_instruction(unsigned long a, unsigned long b)
{
    struct sched_poll nothing = {.timeout = 0};

    KIT_PUPPET_WORDS[0] = 1;
    for (;;)
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_poll, (uintptr_t)&nothing, 0, 0);
}

static bool create(struct kit_puppet *p)
{
    uint64_t end;

    if (kit_puppet_build(p))
        return false;
    set_up(p);
    populate(p);
    write_image(p);
    seed_grants(p);
    kit_puppet_load(p);
    kit_puppet_run(p, first_instruction, 0, 0);
    end = kit_time_ns() + KIT_S;
    kit_puppet_start(p);
    while (!kit_puppet_words(p)[0] && kit_time_ns() < end)
        kit_pause();
    return kit_puppet_words(p)[0];
}

static bool create_all(unsigned count)
{
    unsigned alive = 0;

    for (unsigned i = 0; i < count; i++)
        alive += create(&made[i]);
    return alive == count;
}

/* Until what is done in the background is done, without a hypercall. */
static void destroy_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        kit_foreign_unmap((void *)(uintptr_t)made[i].box);
        kit_domain_destroy(made[i].id);
        kit_spin_ns(SETTLE_NS);
    }
}

BENCH_MARKS(domain_create)
BENCH_MARKS(domain_destroy)

KIT_TEST(domain_create)
{
    uint64_t before, after, start;
    unsigned long own = DOMAINS * (KIT_PUPPET_PAGES + ((uint64_t)EXTENTS << EXTENT_ORDER));

    CHECK_OR_RETURN(create_all(DOMAINS)); /* from then on it is memory that was used before */
    destroy_all(DOMAINS);
    before = kit_free_pages();
    start = kit_rdtsc();
    bench_begin_domain_create();
    CHECK_OR_RETURN(create_all(DOMAINS));
    bench_end_domain_create();
    bench_print("domain_create", DOMAINS, kit_rdtsc() - start);
    after = kit_free_pages();
    kit_printf("VALUE memory_per_domain %lu bytes\n", (before - after - own) * KIT_PAGE_SIZE / DOMAINS);
    bench_begin_domain_destroy();
    destroy_all(DOMAINS);
    bench_end_domain_destroy();
    bench_print("domain_destroy", DOMAINS, 0);
    CHECK(kit_domain_gone(made[DOMAINS - 1].id));
    kit_note("%lu pages free before, %lu after", before, kit_free_pages());
}
