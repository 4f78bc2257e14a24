/* SPDX-License-Identifier: MIT */
/*
 * Domains made and ended by domain 0: states, counts, what an unprivileged domain may not do, and that nothing is left of them.
 * GUEST-GROUP: smp=2 mem=512 dom0=256M timeout=170
 */
#include <kit/args.h>
#include <kit/audit.h>
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>
#include <xen/platform.h>

static struct xen_domctl op;

static long domctl(unsigned cmd, unsigned id)
{
    memset(&op, 0, sizeof(op));
    return kit_domctl(cmd, id, &op);
}

static uint32_t flags_of(domid_t id)
{
    if (domctl(XEN_DOMCTL_getdomaininfo, id) || op.domain != id)
        return ~0u;
    return op.u.getdomaininfo.flags;
}

static bool wait_for_flag(domid_t id, uint32_t flag)
{
    uint64_t deadline = kit_time_ns() + 2000000000UL;

    while (kit_time_ns() < deadline) {
        uint32_t flags = flags_of(id);

        if (flags != ~0u && flags & flag)
            return true;
        hcall_sched_op(SCHEDOP_yield, NULL);
    }
    return false;
}

KIT_TEST(made_and_ended)
{
    domid_t id, second;

    CHECK_OR_RETURN(!kit_domain_create(2, 16, &id));
    CHECK(id > 0 && id < DOMID_FIRST_RESERVED);
    CHECK_RC(domctl(XEN_DOMCTL_getdomaininfo, id), 0);
    CHECK_EQ(op.domain, id);
    CHECK_EQ(op.u.getdomaininfo.domain, id);
    CHECK_EQ(op.u.getdomaininfo.flags, XEN_DOMINF_paused | 0xffff0000u);
    CHECK_EQ(op.u.getdomaininfo.nr_online_vcpus, 0);
    CHECK_EQ(op.u.getdomaininfo.max_vcpu_id, 1);
    CHECK_EQ(op.u.getdomaininfo.tot_pages, 0);
    CHECK_EQ(op.u.getdomaininfo.max_pages, 16);
    CHECK_EQ(op.u.getdomaininfo.cpu_time, 0);
    CHECK_EQ(op.u.getdomaininfo.arch_config.emulation_flags, 0);
    CHECK(op.u.getdomaininfo.shared_info_frame != 0);
    CHECK(kit_domain_gone(id));
    CHECK_RC(kit_domain_destroy(id), -XEN_ESRCH);
    /* The number is not given out again at once. */
    CHECK_OR_RETURN(!kit_domain_create(1, 16, &second));
    CHECK(second != id);
    CHECK(kit_domain_gone(second));
}

/* Who asks for information from a number on must name one that a domain could have. */
KIT_TEST(information_of_no_domain)
{
    static const domid_t none[] = {1, 5, DOMID_FIRST_RESERVED - 1},
                         never[] = {DOMID_SELF,    DOMID_IO, DOMID_XEN, DOMID_COW,
                                    DOMID_INVALID, 0x7fff,   0xffff};

    for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
        CHECK_RC(domctl(XEN_DOMCTL_getdomaininfo, none[i]), -XEN_ESRCH);
    for (unsigned i = 0; i < ARRAY_SIZE(never); i++) {
        CHECK_RC(domctl(XEN_DOMCTL_getdomaininfo, never[i]), -XEN_EINVAL);
        CHECK_RC(domctl(XEN_DOMCTL_get_address_size, never[i]), -XEN_ESRCH);
    }
}

static long create_with(void (*change)(struct xen_domctl_createdomain *c), unsigned id)
{
    memset(&op, 0, sizeof(op));
    op.u.createdomain.max_vcpus = 1;
    op.u.createdomain.max_evtchn_port = 1023;
    op.u.createdomain.max_grant_frames = 8;
    op.u.createdomain.max_maptrack_frames = 16;
    op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(2);
    if (change)
        change(&op.u.createdomain);
    return kit_domctl(XEN_DOMCTL_createdomain, id, &op);
}

static void no_vcpus(struct xen_domctl_createdomain *c)
{
    c->max_vcpus = 0;
}

static void unknown_flag(struct xen_domctl_createdomain *c)
{
    c->flags = 0x80000000u;
}

static void bad_pool(struct xen_domctl_createdomain *c)
{
    c->cpupool_id = 77;
}

static void grants_3(struct xen_domctl_createdomain *c)
{
    c->grant_opts = XEN_DOMCTL_GRANT_version(3);
}

static void tracing(struct xen_domctl_createdomain *c)
{
    c->vmtrace_size = 1234;
}

KIT_TEST(creation_refused)
{
    uint64_t before = kit_free_pages();

    CHECK_RC(create_with(no_vcpus, 0), -XEN_EINVAL);
    CHECK_RC(create_with(unknown_flag, 0), -XEN_EINVAL);
    CHECK_RC(create_with(grants_3, 0), -XEN_EINVAL);
    CHECK_RC(create_with(tracing, 0), -XEN_EINVAL);
    CHECK(create_with(bad_pool, 0) < 0);
    CHECK_EQ(kit_free_pages(), before);
    CHECK_RC(create_with(NULL, 1234), 0);
    CHECK_EQ(op.domain, 1234);
    CHECK_RC(create_with(NULL, 1234), -XEN_EEXIST);
    CHECK(kit_domain_gone(1234));
}

KIT_TEST(control_errors)
{
    domid_t id;

    CHECK_RC(domctl(XEN_DOMCTL_pausedomain, 0), -XEN_EINVAL);
    CHECK_RC(domctl(XEN_DOMCTL_unpausedomain, 0), -XEN_EINVAL);
    CHECK_RC(domctl(XEN_DOMCTL_destroydomain, 0), -XEN_EINVAL);
    CHECK_RC(domctl(XEN_DOMCTL_resumedomain, 0), -XEN_EINVAL);
    CHECK_RC(domctl(XEN_DOMCTL_pausedomain, 4321), -XEN_ESRCH);
    CHECK_RC(domctl(XEN_DOMCTL_pausedomain, DOMID_SELF), -XEN_ESRCH);
    CHECK_RC(domctl(9999, 0), -XEN_ENOSYS);
    CHECK_RC(domctl(XEN_DOMCTL_getdomaininfo, 4321), -XEN_ESRCH);
    CHECK_OR_RETURN(!kit_domain_create(1, 16, &id));
    CHECK_RC(domctl(XEN_DOMCTL_max_vcpus, id), -XEN_EINVAL);
    CHECK_RC(domctl(XEN_DOMCTL_getvcpuinfo, id), 0);
    CHECK_EQ(op.u.getvcpuinfo.online, 0);
    memset(&op, 0, sizeof(op));
    op.u.getvcpuinfo.vcpu = 1;
    CHECK_RC(kit_domctl(XEN_DOMCTL_getvcpuinfo, id, &op), -XEN_EINVAL);
    CHECK_RC(domctl(XEN_DOMCTL_getvcpucontext, id), -XEN_ENODATA);
    CHECK_RC(domctl(XEN_DOMCTL_get_address_size, id), 0);
    CHECK_EQ(op.u.address_size.size, 64);
    memset(&op, 0, sizeof(op));
    op.u.set_target.target = id;
    CHECK_RC(kit_domctl(XEN_DOMCTL_set_target, id, &op), -XEN_EINVAL);
    CHECK_RC(kit_domctl(XEN_DOMCTL_set_target, 0, &op),
             -XEN_EOPNOTSUPP); /* a PV domain has no device model */
    op.u.set_target.target = 4321;
    CHECK_RC(kit_domctl(XEN_DOMCTL_set_target, id, &op), -XEN_ESRCH);
    /* Pauses are counted. */
    CHECK_RC(domctl(XEN_DOMCTL_pausedomain, id), 0);
    CHECK_RC(domctl(XEN_DOMCTL_unpausedomain, id), 0);
    CHECK(flags_of(id) & XEN_DOMINF_paused);
    CHECK_RC(domctl(XEN_DOMCTL_unpausedomain, id), 0);
    CHECK(!(flags_of(id) & XEN_DOMINF_paused));
    CHECK_RC(domctl(XEN_DOMCTL_unpausedomain, id), -XEN_EINVAL);
    CHECK(kit_domain_gone(id));
}

static long set_affinity(domid_t id, unsigned flags, uint64_t *hard, uint64_t *soft)
{
    memset(&op, 0, sizeof(op));
    op.u.vcpuaffinity.flags = flags;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)hard);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_soft.bitmap, (uint8_t *)soft);
    op.u.vcpuaffinity.cpumap_soft.nr_bits = 64;
    return kit_domctl(XEN_DOMCTL_setvcpuaffinity, id, &op);
}

KIT_TEST(affinity)
{
    uint64_t hard = ~0UL, soft = 2;
    domid_t id;

    CHECK_OR_RETURN(!kit_domain_create(1, 16, &id));
    CHECK_RC(set_affinity(id, XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT, &hard, &soft), 0);
    CHECK_EQ(hard, 3);
    CHECK_EQ(soft, 2);
    hard = 0;
    CHECK_RC(set_affinity(id, XEN_VCPUAFFINITY_HARD, &hard, &soft), -XEN_EINVAL);
    CHECK_RC(set_affinity(id, 0, &hard, &soft), -XEN_EINVAL);
    hard = 1;
    CHECK_RC(set_affinity(id, XEN_VCPUAFFINITY_HARD, &hard, &soft), 0);
    hard = 0x55;
    memset(&op, 0, sizeof(op));
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)&hard);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    CHECK_RC(kit_domctl(XEN_DOMCTL_getvcpuaffinity, id, &op), 0);
    CHECK_EQ(hard, 1);
    CHECK(kit_domain_gone(id));
}

KIT_TEST(unprivileged)
{
    static const unsigned domctls[] = {XEN_DOMCTL_createdomain,  XEN_DOMCTL_destroydomain,
                                       XEN_DOMCTL_pausedomain,   XEN_DOMCTL_getdomaininfo,
                                       XEN_DOMCTL_max_mem,       XEN_DOMCTL_setvcpucontext,
                                       XEN_DOMCTL_getvcpucontext};
    struct kit_puppet p;
    struct xen_domctl *in;
    unsigned long va = KIT_PUPPET_VA(KIT_PUPPET_FIRST_FREE);
    int rc;

    CHECK_OR_RETURN(!kit_puppet_make(&p));
    in = kit_foreign_map(p.id, p.mfn[KIT_PUPPET_FIRST_FREE], PTE_RW, &rc);
    CHECK_RC(rc, 0);
    for (unsigned i = 0; in && i < sizeof(domctls) / sizeof(domctls[0]); i++) {
        memset(in, 0, sizeof(*in));
        in->cmd = domctls[i];
        in->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
        CHECK_RC(kit_puppet_call(&p, __HYPERVISOR_domctl, va, 0, 0, 0), -XEN_EPERM);
    }
    if (in) {
        struct xen_sysctl *sysctl = (void *)in;
        struct xen_platform_op *platform = (void *)in;

        memset(in, 0, KIT_PAGE_SIZE);
        sysctl->cmd = XEN_SYSCTL_physinfo;
        sysctl->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        CHECK_RC(kit_puppet_call(&p, __HYPERVISOR_sysctl, va, 0, 0, 0), -XEN_EPERM);
        memset(in, 0, KIT_PAGE_SIZE);
        platform->cmd = XENPF_settime64;
        platform->interface_version = XENPF_INTERFACE_VERSION;
        CHECK_RC(kit_puppet_call(&p, __HYPERVISOR_platform_op, va, 0, 0, 0), -XEN_EPERM);
        memset(in, 0, KIT_PAGE_SIZE); /* names domain 0 */
        CHECK_RC(kit_puppet_call(&p, __HYPERVISOR_memory_op, XENMEM_current_reservation, va, 0, 0),
                 -XEN_EPERM);
        CHECK_RC(kit_puppet_call(&p, __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, va, 0, 0), -XEN_EPERM);
    }
    CHECK_EQ(flags_of(0) & XEN_DOMINF_paused, 0);
    if (in)
        kit_foreign_unmap(in);
    CHECK(kit_puppet_end(&p));
}

/* It is there, with its reason, until it is destroyed; it can be resumed. */
KIT_TEST(shuts_down)
{
    struct kit_puppet p;
    unsigned long va = KIT_PUPPET_VA(KIT_PUPPET_FIRST_FREE);

    CHECK_OR_RETURN(!kit_puppet_make(&p));
    CHECK_RC(kit_puppet_poke(&p, va, SHUTDOWN_suspend), 0);
    CHECK_RC(kit_puppet_call(&p, __HYPERVISOR_sched_op, SCHEDOP_shutdown, va, 0, 0), -XEN_ETIME);
    CHECK(wait_for_flag(p.id, XEN_DOMINF_shutdown));
    CHECK_EQ(flags_of(p.id) >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask, SHUTDOWN_suspend);
    CHECK_RC(domctl(XEN_DOMCTL_resumedomain, p.id), 0);
    CHECK(!(flags_of(p.id) & XEN_DOMINF_shutdown));
    CHECK(kit_puppet_end(&p));
}

KIT_TEST(crash_is_its_own)
{
    struct kit_puppet p;

    CHECK_OR_RETURN(!kit_puppet_make(&p));
    kit_puppet_peek(&p, 0x1234000);
    CHECK(wait_for_flag(p.id, XEN_DOMINF_shutdown));
    CHECK_EQ(flags_of(p.id) >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask, SHUTDOWN_crash);
    CHECK(kit_puppet_end(&p));
}

/* Lines on the hypervisor's console since `index`, which moves to its end. */
static unsigned new_lines(uint32_t *index)
{
    static char text[4096];
    unsigned lines = 0;
    long n;

    while ((n = kit_console_ring(text, sizeof(text), index)) > 0)
        for (long i = 0; i < n; i++)
            lines += text[i] == '\n';
    return lines;
}

/* A domain that is started again whenever it crashes does not keep the console busy. */
KIT_TEST(crashes_are_quiet)
{
    struct kit_puppet p;
    uint64_t start = kit_time_ns();
    unsigned lines, seconds;
    uint32_t index = 0;

    new_lines(&index);
    CHECK_OR_RETURN(!kit_puppet_make(&p));
    kit_puppet_peek(&p, 0x1234000);
    for (unsigned i = 0; i < 30; i++) {
        CHECK_OR_RETURN(wait_for_flag(p.id, XEN_DOMINF_shutdown));
        CHECK_RC(domctl(XEN_DOMCTL_resumedomain, p.id), 0);
    }
    CHECK(wait_for_flag(p.id, XEN_DOMINF_shutdown));
    lines = new_lines(&index);
    seconds = (unsigned)((kit_time_ns() - start) / 1000000000UL);
    CHECK(lines > 10); /* it is told of at all */
    if (kit_on_xenios())
        CHECK(lines <= 32 * (seconds + 2));
    CHECK(kit_puppet_end(&p));
}

KIT_TEST(told_of_its_end)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_DOM_EXC};
    struct evtchn_close shut;
    struct kit_puppet p;
    unsigned long va = KIT_PUPPET_VA(KIT_PUPPET_FIRST_FREE);
    volatile uint64_t *word;
    uint64_t bit;

    CHECK_OR_RETURN(!hcall_event_channel_op(EVTCHNOP_bind_virq, &bind));
    word = (void *)&kit_shared->evtchn_pending[bind.port / 64];
    bit = 1UL << bind.port % 64;
    CHECK_OR_RETURN(!kit_puppet_make(&p));
    __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
    kit_puppet_poke(&p, va, SHUTDOWN_poweroff);
    kit_puppet_call(&p, __HYPERVISOR_sched_op, SCHEDOP_shutdown, va, 0, 0);
    CHECK(wait_for_flag(p.id, XEN_DOMINF_shutdown));
    CHECK(*word & bit);
    __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
    CHECK(kit_puppet_end(&p));
    CHECK(*word & bit);
    shut.port = bind.port;
    CHECK_RC(hcall_event_channel_op(EVTCHNOP_close, &shut), 0);
}

/* Who maps a frame of a domain keeps it through the domain's end. */
KIT_TEST(mapped_through_its_end)
{
    struct kit_puppet p;
    volatile uint64_t *page;
    uint64_t before = kit_free_pages();
    int rc;

    CHECK_OR_RETURN(!kit_puppet_make(&p));
    page = kit_foreign_map(p.id, p.mfn[KIT_PUPPET_FIRST_FREE], PTE_RW, &rc);
    CHECK_OR_RETURN(page);
    *page = 0x1122334455667788;
    CHECK_EQ(kit_puppet_end(&p), kit_on_xenios()); /* the other one keeps it as long as the page */
    CHECK_EQ(*page, 0x1122334455667788);
    CHECK_RC(kit_foreign_unmap((void *)page), 0);
    CHECK(kit_domain_gone(p.id));
    CHECK(kit_free_pages_are(before));
}

static void churn(unsigned times)
{
    struct kit_puppet p;
    uint64_t before = 0;

    for (unsigned i = 0; i < times; i++) {
        if (i < 3)
            before = kit_free_pages();
        CHECK_OR_RETURN(!kit_puppet_make(&p));
        CHECK_OR_RETURN(kit_puppet_call(&p, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0) > 0);
        CHECK_OR_RETURN(kit_puppet_end(&p));
        CHECK_OR_RETURN(i < 3 || kit_free_pages_are(before));
    }
}

KIT_TEST(nothing_is_left)
{
    churn(40);
}

KIT_TEST_ALONE(nothing_is_left_of_1000)
{
    churn(1000);
}

static struct {
    struct kit_puppet p; /* made and ended by vcpu 0 while vcpu 1 is at it */
    volatile uint32_t stop;
    uint64_t window; /* where the entry of a page of ours stands that comes and goes */
    unsigned long calls, done;
} race;

static long mmuext(unsigned cmd, unsigned long mfn, domid_t id)
{
    struct mmuext_op pin = {.cmd = cmd, .arg1.mfn = mfn};

    return hcall_mmuext_op(&pin, 1, NULL, id);
}

static long race_memory(domid_t id, unsigned n)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = id};
    unsigned long pfn = 99;
    long rc;

    if (n & 1) {
        r.nr_extents = KIT_PUPPET_PAGES + 4;
        return hcall_memory_op(XENMEM_claim_pages, &r);
    }
    set_xen_guest_handle(r.extent_start, &pfn);
    rc = hcall_memory_op(XENMEM_populate_physmap, &r);
    return rc > 0 ? 0 : rc;
}

static long race_map(domid_t id, unsigned long mfn)
{
    long rc = kit_mmu_update1(race.window | MMU_NORMAL_PT_UPDATE, mfn << 12 | PTE_RW, id);

    if (!rc)
        kit_mmu_update1(race.window | MMU_NORMAL_PT_UPDATE, 0, DOMID_SELF);
    return rc;
}

static long race_event(domid_t id)
{
    struct evtchn_alloc_unbound theirs = {.dom = id, .remote_dom = 0};
    struct evtchn_bind_interdomain bind = {.remote_dom = id};
    struct evtchn_close shut;
    long rc = hcall_event_channel_op(EVTCHNOP_alloc_unbound, &theirs);

    bind.remote_port = theirs.port;
    if (!rc && !(rc = hcall_event_channel_op(EVTCHNOP_bind_interdomain, &bind))) {
        shut.port = bind.local_port;
        hcall_event_channel_op(EVTCHNOP_close, &shut);
    }
    return rc;
}

static long race_domctl(domid_t id, unsigned n)
{
    static const unsigned commands[] = {XEN_DOMCTL_destroydomain, XEN_DOMCTL_set_virq_handler,
                                        XEN_DOMCTL_set_target, XEN_DOMCTL_getdomaininfo,
                                        XEN_DOMCTL_pausedomain};
    unsigned cmd = commands[n % (sizeof(commands) / sizeof(commands[0]))];
    struct xen_domctl mine = {0};
    long rc;

    /* Mostly one that is there, now and then one that is being made. */
    if (cmd == XEN_DOMCTL_destroydomain && n % (race.p.box ? 50 : 5000))
        return 0;
    if (cmd == XEN_DOMCTL_set_virq_handler)
        mine.u.set_virq_handler.virq = VIRQ_CON_RING;
    rc = kit_domctl(cmd, id, &mine);
    if (cmd == XEN_DOMCTL_pausedomain && !rc)
        rc = kit_domctl(XEN_DOMCTL_unpausedomain, id, &mine);
    return rc;
}

static void meddle(void *unused)
{
    (void)unused;
    for (unsigned n = 0; !race.stop; n++) {
        domid_t id = *(volatile domid_t *)&race.p.id;
        volatile unsigned long *mfn = race.p.mfn;
        long rc = -1;

        if (!id)
            continue;
        /* Before it is whole only what does not keep it from becoming so: no page table too early, no page too many. */
        if (!race.p.box && n % 6 != 0 && n % 6 != 2 && n % 6 != 5)
            continue;
        switch (n % 6) {
        case 0:
            rc = race_map(id, mfn[KIT_PUPPET_FIRST_FREE + n % 8]);
            break;
        case 1:
            rc = mmuext(MMUEXT_PIN_L4_TABLE, mfn[0], id);
            break;
        case 2:
            rc = race_event(id);
            break;
        case 3:
            rc = race_memory(id, n / 6);
            break;
        case 4:
            rc = mmuext(n & 8 ? MMUEXT_PIN_L1_TABLE : MMUEXT_UNPIN_TABLE, mfn[n & 16 ? 3 : 2], id);
            break;
        default:
            rc = race_domctl(id, n / 6);
        }
        race.calls++;
        race.done += rc == 0;
    }
}

/* Advisories on domain destruction: mapping, pinning, populating, binding and destroying from another vcpu while a domain is made and ended. Nothing of it is left. */
KIT_TEST(races_with_its_end)
{
    uint64_t before = kit_free_pages();
    void *page = kit_page_alloc();
    unsigned made = 0;

    KIT_NEEDS_VCPUS(2);
    CHECK_OR_RETURN(page && kit_pte_find(kit_root_mfn, (uintptr_t)page, 1, &race.window, NULL));
    CHECK_OR_RETURN(!kit_unmap(page));
    race.p.id = 0;
    CHECK_RC(kit_vcpu_run(1, meddle, NULL), 0);
    for (unsigned i = 0; i < 100; i++) {
        if (kit_puppet_make(&race.p))
            continue; /* it was destroyed while it was made */
        made++;
        kit_puppet_call(&race.p, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
        CHECK(kit_puppet_end(&race.p) ||
              !kit_on_xenios()); /* the other one keeps a domain of which the other vcpu maps a page */
    }
    race.stop = 1;
    CHECK(kit_vcpu_join(1, 5000000000UL));
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(page);
    kit_note("made %u, %lu calls meanwhile, %lu of them done", made, race.calls, race.done);
    CHECK(made > 10);
    CHECK(race.done > 100);
    CHECK(kit_domain_gone(race.p.id));
    CHECK(kit_free_pages_are(before));
}
