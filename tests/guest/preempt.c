/* SPDX-License-Identifier: MIT */
/*
 * The longest calls that a guest can make, each once, at the largest that is permitted; between two marks each, so that tests/preempt can measure what the hypervisor
 * does for it without looking for pending work. Run as tests, the calls only have to work.
 * GUEST-GROUP: smp=1 mem=1536 dom0=256M xen=dom0_max_vcpus=32
 */
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/lock.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>
#include <xen/grant_table.h>
#include <xen/sysctl.h>

#define MARK(name)                                                                                           \
    void name(void);                                                                                         \
    noinline __attribute__((used)) void name(void)                                                           \
    {                                                                                                        \
        __asm__ volatile("" ::: "memory");                                                                   \
    }

/* A test; what stands between BEGIN(name) and preempt_end() is the measured call. */
#define LONG_CALL(name)                                                                                      \
    MARK(preempt_begin_##name)                                                                               \
    KIT_TEST(name)
#define BEGIN(name) preempt_begin_##name()

MARK(preempt_end)

/* 512 MiB of address space: 256 full L1s, which all map the same pages, writable. */
#define L1S 256

static uint64_t *space[L1S + 3], *data;

static bool make_space(void)
{
    uint64_t *root = kit_va_of_mfn(kit_root_mfn), **upper = space + L1S;

    if (data)
        return true;
    data = kit_pages_alloc(512);
    for (unsigned i = 0; i < L1S + 3; i++)
        space[i] = kit_page_alloc();
    if (!data || !space[L1S + 2])
        return false;
    for (unsigned i = 0; i < L1S; i++) {
        for (unsigned j = 0; j < 512; j++)
            space[i][j] = kit_maddr_of(data + j * 512) | PTE_RW;
        upper[0][i] = kit_maddr_of(space[i]) | PTE_TABLE;
    }
    upper[1][0] = kit_maddr_of(upper[0]) | PTE_TABLE;
    upper[2][0] = kit_maddr_of(upper[1]) | PTE_TABLE;
    upper[2][511] = root[511];
    for (unsigned i = 0; i < L1S + 3; i++)
        if (kit_set_ro(space[i]))
            return false;
    return true;
}

static unsigned long root_mfn(void)
{
    return kit_mfn_of(space[L1S + 2]);
}

LONG_CALL(pin)
{
    CHECK_OR_RETURN(make_space());
    BEGIN(pin);
    CHECK_RC(kit_pin(4, root_mfn()), 0);
    preempt_end();
}

LONG_CALL(unpin)
{
    BEGIN(unpin);
    CHECK_RC(kit_unpin(root_mfn()), 0);
    preempt_end();
}

/* The last entry of the last table is bad: all is taken and given back. */
LONG_CALL(pin_in_vain)
{
    CHECK_RC(kit_set_rw(space[L1S - 1]), 0);
    space[L1S - 1][511] = kit_maddr_of(space[0]) | PTE_RW;
    CHECK_RC(kit_set_ro(space[L1S - 1]), 0);
    BEGIN(pin_in_vain);
    CHECK(kit_pin(4, root_mfn()) < 0);
    preempt_end();
    CHECK_RC(kit_set_rw(space[L1S - 1]), 0);
    space[L1S - 1][511] = kit_maddr_of(data) | PTE_RW;
    CHECK_RC(kit_set_ro(space[L1S - 1]), 0);
}

/* The whole tree hangs on one entry of a root. */
LONG_CALL(hook_tree)
{
    uint64_t *other = kit_table_alloc();

    CHECK_RC(kit_pin(4, kit_mfn_of(other)), 0);
    BEGIN(hook_tree);
    CHECK_RC(kit_pte_write(kit_maddr_of(other), kit_maddr_of(space[L1S + 1]) | PTE_TABLE), 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(other), 0), 0);
    preempt_end();
    CHECK_RC(kit_unpin(kit_mfn_of(other)), 0);
    kit_table_free(other);
}

/* Another address space to run on, and back: roots that nothing else holds. */
LONG_CALL(switch_space)
{
    BEGIN(switch_space);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, root_mfn(), 0), 0);
    CHECK_RC(kit_mmuext1(MMUEXT_NEW_BASEPTR, kit_root_mfn, 0), 0);
    preempt_end();
}

static void unpin_space(void *done)
{
    kit_unpin(root_mfn());
    *(volatile uint32_t *)done = 1;
}

/* What another vcpu sees of the entry a millisecond later: it runs then only if the store lets go of the processor. */
struct onlooker {
    const volatile uint64_t *entry;
    volatile uint32_t ready;
    uint64_t seen;
};

static void look_soon(void *data)
{
    struct onlooker *o = data;
    struct sched_poll poll = {.nr_ports = 0, .timeout = kit_time_ns() + 300000000};

    hcall_sched_op(SCHEDOP_poll, &poll);
    o->ready = 1;
    poll.timeout = kit_time_ns() + 1000000;
    hcall_sched_op(SCHEDOP_poll, &poll);
    o->seen = *o->entry;
}

/* A vcpu is taken down in the middle of giving the tree back; a store to a table that is mapped read-only, of an entry that maps the root writable, finds it so. */
LONG_CALL(store_of_half_a_tree)
{
    static volatile uint32_t done;
    static struct onlooker onlooker;
    struct sched_poll poll = {.nr_ports = 0};
    uint64_t *table, value = kit_maddr_of(space[L1S + 2]) | PTE_RW;

    KIT_NEEDS_VCPUS(4);
    table = kit_table_alloc();
    CHECK_RC(kit_pin(1, kit_mfn_of(table)), 0);
    CHECK_RC(kit_pin(4, root_mfn()), 0);
    /* Who has slept is let in at once when it wakes. */
    poll.timeout = kit_time_ns() + 300000000;
    CHECK_RC(hcall_sched_op(SCHEDOP_poll, &poll), 0);
    CHECK_RC(kit_vcpu_run(2, unpin_space, (void *)&done), 0);
    poll.timeout = kit_time_ns() + 2000000;
    CHECK_RC(hcall_sched_op(SCHEDOP_poll, &poll), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_down, 2, NULL), 0);
    CHECK(!done);
    onlooker = (struct onlooker){.entry = table, .seen = 1};
    CHECK_RC(kit_vcpu_run(3, look_soon, &onlooker), 0);
    CHECK(kit_wait_for(&onlooker.ready, 1, 1000000000));
    BEGIN(store_of_half_a_tree);
    *(volatile uint64_t *)table = value;
    preempt_end();
    CHECK_EQ(*table & value, value);
    CHECK(kit_vcpu_join(3, 1000000000));
    CHECK_EQ(onlooker.seen, 0);
    CHECK_RC(kit_pte_write(kit_maddr_of(table), 0), 0);
    CHECK_RC(kit_unpin(kit_mfn_of(table)), 0);
    kit_table_free(table);
}

/* A vcpu that starts on it. The second time it exists. */
LONG_CALL(initialise_vcpu)
{
    struct vcpu_guest_context *c = kit_pages_alloc(2);
    struct kit_vcpu *v = &kit_vcpus[1];
    unsigned long frames[14];

    KIT_NEEDS_VCPUS(2);
    v->stack = kit_stack_alloc(v);
    v->trap_stack = kit_stack_alloc(v);
    kit_vcpu_context(v, c);
    c->ctrlreg[3] = xen_pfn_to_cr3(root_mfn());
    c->ctrlreg[1] = xen_pfn_to_cr3(root_mfn());
    for (unsigned i = 0; i < 14; i++) {
        uint64_t *page = kit_table_alloc();

        frames[i] = kit_mfn_of(page);
        c->gdt_frames[i] = frames[i];
    }
    c->gdt_ents = FIRST_RESERVED_GDT_ENTRY;
    BEGIN(initialise_vcpu);
    CHECK_RC(hcall_vcpu_op(VCPUOP_initialise, 1, c), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_initialise, 1, c), -XEN_EEXIST);
    preempt_end();
    kit_pages_free(c, 2);
}

/* 512 batches of 512 changes of an entry, each of which takes and drops a reference. */
LONG_CALL(multicall)
{
    struct multicall_entry *list = kit_pages_alloc(16);
    struct mmu_update *batch = kit_pages_alloc(2);
    uint64_t at;

    CHECK_OR_RETURN(kit_pte_find(kit_root_mfn, (uintptr_t)data, 1, &at, NULL));
    for (unsigned i = 0; i < 512; i++) {
        batch[i] = (struct mmu_update){at | MMU_NORMAL_PT_UPDATE,
                                       kit_maddr_of(data + i * 512) | (i & 1 ? PTE_RO : PTE_RW)};
        list[i] = (struct multicall_entry){.op = __HYPERVISOR_mmu_update,
                                           .args = {(uintptr_t)batch, 512, 0, DOMID_SELF}};
    }
    BEGIN(multicall);
    CHECK_RC(hcall_multicall(list, 512), 0);
    preempt_end();
    for (unsigned i = 0; i < 512; i++)
        CHECK_RC(list[i].result, 0);
    CHECK_RC(kit_set_rw(data), 0);
    kit_pages_free(list, 16);
    kit_pages_free(batch, 2);
}

/* 512 entries that are whole calls: page tables pinned and unpinned, trap tables, descriptor tables, pages copied and cleared. */
LONG_CALL(multicall_of_many)
{
    struct multicall_entry *list = kit_pages_alloc(16);
    struct mmuext_op *ops = kit_page_alloc();
    struct trap_info *traps = kit_pages_alloc(2);
    unsigned long *frames = kit_page_alloc();
    uint64_t *pages = kit_pages_alloc(2);

    for (unsigned i = 0; i < 14; i++)
        frames[i] = kit_mfn_of(kit_table_alloc());
    kit_trap_table(traps);
    ops[0] = (struct mmuext_op){.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = kit_mfn_of(space[0])};
    ops[1] = (struct mmuext_op){.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = kit_mfn_of(space[0])};
    ops[2] = (struct mmuext_op){
        .cmd = MMUEXT_COPY_PAGE, .arg1.mfn = kit_mfn_of(pages), .arg2.src_mfn = kit_mfn_of(pages + 512)};
    ops[3] = (struct mmuext_op){.cmd = MMUEXT_CLEAR_PAGE, .arg1.mfn = kit_mfn_of(pages)};
    for (unsigned i = 0; i < 512; i++) {
        list[i] = (struct multicall_entry){.op = __HYPERVISOR_mmuext_op,
                                           .args = {(uintptr_t)ops, 4, 0, DOMID_SELF}};
        if (i % 4 == 1)
            list[i] = (struct multicall_entry){.op = __HYPERVISOR_set_gdt,
                                               .args = {(uintptr_t)frames, i & 4 ? 14 * 512 : 0}};
        if (i % 4 == 2)
            list[i] = (struct multicall_entry){.op = __HYPERVISOR_set_trap_table, .args = {(uintptr_t)traps}};
        if (i % 4 == 3)
            list[i] = (struct multicall_entry){.op = __HYPERVISOR_mmuext_op,
                                               .args = {(uintptr_t)(ops + 2), 2, 0, DOMID_SELF}};
    }
    BEGIN(multicall_of_many);
    CHECK_RC(hcall_multicall(list, 512), 0);
    preempt_end();
    for (unsigned i = 0; i < 512; i++)
        CHECK_RC(list[i].result, 0);
    CHECK_RC(hcall_set_gdt(NULL, 0), 0);
    kit_pages_free(list, 16);
    kit_pages_free(traps, 2);
    kit_pages_free(pages, 2);
}

static struct xen_memory_reservation res(unsigned long *list, unsigned long n, unsigned order)
{
    struct xen_memory_reservation r = {.nr_extents = n, .extent_order = order, .domid = DOMID_SELF};

    set_xen_guest_handle(r.extent_start, list);
    return r;
}

static unsigned long contiguous = 0x300000;

LONG_CALL(exchange)
{
    static unsigned long in[1024], out[2];
    struct xen_memory_exchange x = {.in = res(in, 1024, 0), .out = res(out, 2, 9)};

    for (unsigned i = 0; i < 1024; i++)
        in[i] = kit_p2m[kit_pfn_alloc()];
    out[0] = contiguous;
    out[1] = contiguous + 512;
    BEGIN(exchange);
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), 0);
    preempt_end();
    CHECK_EQ(x.nr_exchanged, 1024);
    contiguous = out[0];
}

LONG_CALL(exchange_back)
{
    static unsigned long out[512];
    struct xen_memory_exchange x = {.in = res(&contiguous, 1, 9), .out = res(out, 512, 0)};

    for (unsigned i = 0; i < 512; i++)
        out[i] = 0x400000 + i;
    BEGIN(exchange_back);
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), 0);
    preempt_end();
    CHECK_EQ(x.nr_exchanged, 1);
}

/* 16 MiB at once, there and back: not done in one go. */
#define MANY_ORDER 12
#define MANY_PAGES (1u << MANY_ORDER)
static unsigned long many[MANY_PAGES], one = 0x500000;

LONG_CALL(exchange_large)
{
    struct xen_memory_exchange x = {.in = res(many, MANY_PAGES, 0), .out = res(&one, 1, MANY_ORDER)};

    for (unsigned i = 0; i < MANY_PAGES; i++)
        many[i] = kit_p2m[kit_pfn_alloc()];
    BEGIN(exchange_large);
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), 0);
    preempt_end();
    CHECK_EQ(x.nr_exchanged, MANY_PAGES);
}

LONG_CALL(exchange_large_back)
{
    struct xen_memory_exchange x = {.in = res(&one, 1, MANY_ORDER), .out = res(many, MANY_PAGES, 0)};

    for (unsigned i = 0; i < MANY_PAGES; i++)
        many[i] = 0x500000 + i;
    BEGIN(exchange_large_back);
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), 0);
    preempt_end();
    CHECK_EQ(x.nr_exchanged, 1);
}

static unsigned long extents[4] = {0x200000, 0x240000, 0x280000, 0x2c0000};

LONG_CALL(populate)
{
    struct xen_memory_reservation r = res(extents, 4, 9);

    BEGIN(populate);
    CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap, &r), 4);
    preempt_end();
}

LONG_CALL(give_back)
{
    struct xen_memory_reservation r = res(extents, 4, 9);

    BEGIN(give_back);
    CHECK_EQ(hcall_memory_op(XENMEM_decrease_reservation, &r), 4);
    preempt_end();
}

static unsigned long large = 0x200000;
#define LARGE_ORDER 15

LONG_CALL(populate_large)
{
    struct xen_memory_reservation r = res(&large, 1, LARGE_ORDER);

    BEGIN(populate_large);
    CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap, &r), 1);
    preempt_end();
    CHECK_EQ(kit_m2p(large), 0x200000);
    CHECK_EQ(kit_m2p(large + (1UL << LARGE_ORDER) - 1), 0x200000 + (1UL << LARGE_ORDER) - 1);
}

LONG_CALL(give_back_large)
{
    struct xen_memory_reservation r = res(&large, 1, LARGE_ORDER);

    BEGIN(give_back_large);
    CHECK_EQ(hcall_memory_op(XENMEM_decrease_reservation, &r), 1);
    preempt_end();
}

LONG_CALL(set_gdt)
{
    unsigned long frames[14];

    for (unsigned i = 0; i < 14; i++) {
        uint64_t *page = kit_page_alloc();

        for (unsigned j = 0; j < 512; j++)
            page[j] = 0x00cf9b000000ffff; /* a DPL to be changed in each */
        kit_set_ro(page);
        frames[i] = kit_mfn_of(page);
    }
    BEGIN(set_gdt);
    CHECK_RC(hcall_set_gdt(frames, 14 * 512), 0);
    CHECK_RC(hcall_set_gdt(NULL, 0), 0);
    preempt_end();
}

LONG_CALL(grant_copy)
{
    struct gnttab_copy *c = kit_pages_alloc(8);
    char *from = kit_page_alloc(), *to = kit_page_alloc();

    for (unsigned i = 0; i < 512; i++)
        c[i] = (struct gnttab_copy){.source = {.u.gmfn = kit_mfn_of(from), .domid = DOMID_SELF},
                                    .dest = {.u.gmfn = kit_mfn_of(to), .domid = DOMID_SELF},
                                    .len = KIT_PAGE_SIZE};
    BEGIN(grant_copy);
    CHECK_RC(hcall_grant_table_op(GNTTABOP_copy, c, 512), 0);
    preempt_end();
    CHECK_EQ(c[511].status, GNTST_okay);
    kit_pages_free(c, 8);
    kit_page_free(from);
    kit_page_free(to);
}

/* Within a page, backwards: every byte is one of its own. */
LONG_CALL(grant_copy_overlapping)
{
    struct gnttab_copy *c = kit_pages_alloc(16);
    uint8_t *page = kit_page_alloc();

    CHECK_OR_RETURN(c && page);
    for (unsigned i = 0; i < 512; i++)
        c[i] = (struct gnttab_copy){.source = {.u.gmfn = kit_mfn_of(page), .domid = DOMID_SELF, .offset = 0},
                                    .dest = {.u.gmfn = kit_mfn_of(page), .domid = DOMID_SELF, .offset = 1},
                                    .len = 4095};
    BEGIN(grant_copy_overlapping);
    CHECK_RC(hcall_grant_table_op(GNTTABOP_copy, c, 512), 0);
    preempt_end();
}

#define GRANT_FRAMES 64 /* the most, where no option says otherwise */

LONG_CALL(grant_table)
{
    static xen_pfn_t frames[GRANT_FRAMES];
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = GRANT_FRAMES, .frame_list.p = frames};

    BEGIN(grant_table);
    CHECK_RC(hcall_grant_table_op(GNTTABOP_setup_table, &op, 1), 0);
    preempt_end();
    CHECK_EQ(op.status, GNTST_okay);
}

LONG_CALL(grant_version)
{
    struct gnttab_set_version op = {.version = 2};

    BEGIN(grant_version);
    CHECK_RC(hcall_grant_table_op(GNTTABOP_set_version, &op, 1), 0);
    preempt_end();
    CHECK_EQ(op.version, 2);
}

static bool make_ports(void)
{
    struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    unsigned n = 0;

    while (n < 2000 && hcall_event_channel_op(EVTCHNOP_alloc_unbound, &a) == 0)
        n++;
    return n == 2000;
}

/* Every port that has a word on the page is pending from the two-level form, and put on the queue. */
LONG_CALL(expand_events)
{
    struct evtchn_reset r = {.dom = DOMID_SELF};
    struct evtchn_init_control c = {.control_gfn = kit_mfn_of(kit_page_alloc())};
    struct evtchn_expand_array e = {.array_gfn = kit_mfn_of(kit_page_alloc())};

    CHECK_OR_RETURN(make_ports());
    kit_events_disable();
    memset((void *)kit_shared->evtchn_pending, 0xff, sizeof(kit_shared->evtchn_pending));
    BEGIN(expand_events);
    CHECK_RC(hcall_event_channel_op(EVTCHNOP_init_control, &c), 0);
    CHECK_RC(hcall_event_channel_op(EVTCHNOP_expand_array, &e), 0);
    preempt_end();
    CHECK_EQ(kit_this()->info->evtchn_upcall_pending, 1);
    CHECK_RC(hcall_event_channel_op(EVTCHNOP_reset, &r), 0);
    memset((void *)kit_shared->evtchn_pending, 0, sizeof(kit_shared->evtchn_pending));
    kit_this()->info->evtchn_upcall_pending = 0;
    kit_events_enable();
}

LONG_CALL(reset_events)
{
    struct evtchn_reset r = {.dom = DOMID_SELF};

    CHECK_OR_RETURN(make_ports());
    BEGIN(reset_events);
    CHECK_RC(hcall_event_channel_op(EVTCHNOP_reset, &r), 0);
    preempt_end();
}

/* --- Those that wait for one event: vcpus that no test before has left half way. --- */

#define FIRST_POLLER 4
#define POLLERS      (KIT_MAX_VCPUS - FIRST_POLLER)

static evtchn_port_t polled;
static volatile uint32_t poller_woken;

static void poll_for_it(void *unused)
{
    struct sched_poll poll = {.nr_ports = 1};

    (void)unused;
    set_xen_guest_handle(poll.ports, &polled);
    hcall_sched_op(SCHEDOP_poll, &poll);
    __atomic_fetch_add(&poller_woken, 1, __ATOMIC_SEQ_CST);
}

static bool is_asleep(unsigned vcpu)
{
    struct vcpu_runstate_info info;

    return hcall_vcpu_op(VCPUOP_get_runstate_info, vcpu, &info) == 0 && info.state == RUNSTATE_blocked;
}

LONG_CALL(send_to_pollers)
{
    struct sched_poll sleep = {.nr_ports = 0};
    int port = kit_event_bind_ipi(0);

    KIT_NEEDS_VCPUS(32);
    CHECK_OR_RETURN(port > 0);
    polled = (unsigned)port;
    kit_event_mask(polled);
    for (unsigned i = 0; i < POLLERS; i++)
        CHECK_RC(kit_vcpu_run(FIRST_POLLER + i, poll_for_it, NULL), 0);
    sleep.timeout = kit_time_ns() + 100000000;
    CHECK_RC(hcall_sched_op(SCHEDOP_poll, &sleep), 0);
    for (unsigned i = 0; i < POLLERS; i++)
        CHECK(is_asleep(FIRST_POLLER + i));
    BEGIN(send_to_pollers);
    CHECK_RC(kit_event_send(polled), 0);
    CHECK(kit_wait_for(&poller_woken, POLLERS, 1000000000));
    preempt_end();
    for (unsigned i = 0; i < POLLERS; i++)
        CHECK(kit_vcpu_join(FIRST_POLLER + i, 1000000000));
    CHECK_RC(kit_event_close(polled), 0);
}

/* As long as text on the wire goes, less than what a user waits for. */
LONG_CALL(console_write)
{
    char *text = kit_page_alloc();

    memset(text, '.', KIT_PAGE_SIZE);
    for (unsigned i = 79; i < KIT_PAGE_SIZE; i += 80)
        text[i] = '\n';
    BEGIN(console_write);
    CHECK_RC(hcall_console_io(CONSOLEIO_write, KIT_PAGE_SIZE, text), 0);
    preempt_end();
    kit_page_free(text);
}

LONG_CALL(console_ring)
{
    struct xen_sysctl *op = kit_page_alloc();

    op->cmd = XEN_SYSCTL_readconsole;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    set_xen_guest_handle(op->u.readconsole.buffer, (char *)kit_pages_alloc(16));
    op->u.readconsole.count = 65536;
    BEGIN(console_ring);
    CHECK_RC(kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)op), 0);
    preempt_end();
    CHECK(op->u.readconsole.count > 1000);
}

/* --- A domain of 512 vcpus and 256 MiB, with 64 MiB of page tables pinned: made, and ended. --- */

#define OTHER_VCPUS  512
#define OTHER_L1S    32
#define OTHER_GRANTS 1024 /* pages of its grant table: the most */

static domid_t other;
static unsigned long other_pages[128]; /* first frames of 2 MiB each */

LONG_CALL(create_domain)
{
    struct xen_domctl op = {.u.createdomain = {.max_vcpus = OTHER_VCPUS,
                                               .max_evtchn_port = 8191,
                                               .max_grant_frames = OTHER_GRANTS,
                                               .max_maptrack_frames = 64,
                                               .grant_opts = XEN_DOMCTL_GRANT_version(2)}};

    BEGIN(create_domain);
    CHECK_RC(kit_domctl(XEN_DOMCTL_createdomain, 0, &op), 0);
    other = op.domain;
    memset(&op, 0, sizeof(op));
    op.u.max_vcpus.max = OTHER_VCPUS;
    CHECK_RC(kit_domctl(XEN_DOMCTL_max_vcpus, other, &op), 0);
    preempt_end();
    memset(&op, 0, sizeof(op));
    op.u.max_mem.max_memkb = 300UL << 10;
    CHECK_RC(kit_domctl(XEN_DOMCTL_max_mem, other, &op), 0);
}

LONG_CALL(populate_domain)
{
    struct xen_memory_reservation r = res(other_pages, ARRAY_SIZE(other_pages), 9);

    for (unsigned i = 0; i < ARRAY_SIZE(other_pages); i++)
        other_pages[i] = i * 512;
    r.domid = other;
    BEGIN(populate_domain);
    CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap, &r), ARRAY_SIZE(other_pages));
    preempt_end();
}

/* The last page of its grant table: all before it are made, too. */
LONG_CALL(grant_resource)
{
    static xen_pfn_t frame;
    struct xen_mem_acquire_resource a = {
        .type = XENMEM_resource_grant_table, .frame = OTHER_GRANTS - 1, .nr_frames = 1, .domid = other};

    set_xen_guest_handle(a.frame_list, &frame);
    BEGIN(grant_resource);
    CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, &a), 0);
    preempt_end();
    CHECK(frame);
}

/* Frame n of the domain becomes a table whose entries are base, base + step, ... */
static bool make_table(unsigned n, unsigned entries, uint64_t base, uint64_t step)
{
    uint64_t *table = kit_foreign_map(other, other_pages[0] + n, PTE_RW, NULL);

    for (unsigned i = 0; table && i < entries; i++)
        table[i] = base + i * step;
    return table && !kit_foreign_unmap(table);
}

/* Its tables, and two thousand event channels. */
static bool fill_domain(void)
{
    uint64_t first = (uint64_t)other_pages[0] << KIT_PAGE_SHIFT,
             data = (uint64_t)other_pages[1] << KIT_PAGE_SHIFT;
    struct evtchn_alloc_unbound a = {.dom = other, .remote_dom = DOMID_SELF};

    for (unsigned i = 0; i < OTHER_L1S; i++)
        if (!make_table(3 + i, 512, data | PTE_RW, KIT_PAGE_SIZE))
            return false;
    for (unsigned i = 0; i < 2000; i++)
        if (hcall_event_channel_op(EVTCHNOP_alloc_unbound, &a))
            return false;
    return make_table(2, OTHER_L1S, (first + 3 * KIT_PAGE_SIZE) | PTE_TABLE, KIT_PAGE_SIZE) &&
           make_table(1, 1, (first + 2 * KIT_PAGE_SIZE) | PTE_TABLE, 0) &&
           make_table(0, 1, (first + KIT_PAGE_SIZE) | PTE_TABLE, 0);
}

LONG_CALL(destroy_domain)
{
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = other_pages[0]};

    CHECK_OR_RETURN(fill_domain());
    CHECK_RC(hcall_mmuext_op(&pin, 1, NULL, (unsigned)other | ((unsigned)other + 1) << 16), 0);
    BEGIN(destroy_domain);
    CHECK_RC(kit_domain_destroy(other), 0);
    CHECK(kit_domain_gone(other)); /* its structures go later, piece by piece */
    preempt_end();
}
