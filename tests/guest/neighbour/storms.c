/* SPDX-License-Identifier: MIT */
/*
 * Hostile domains beside one that works: what it gets of the processor beside each kind of storm, against what it gets beside a domain that is merely
 * busy, which is the scheduler's share. At most 2 % less.
 */
#include "share.h"

#include <xen/grant_table.h>

#define PAGE_A 20 /* of the puppet: a table in the making */
#define PAGE_B 21 /* mapped and unmapped */
#define PAGE_C 22 /* granted, reference 22 */
#define LIST   23 /* of calls */

static struct rival worker, rival;
static uint64_t share; /* beside a busy domain */

/* The port that the program sends to: an IPI to itself, masked or not; its own upcalls are masked. */
KIT_PROGRAM static void event_storm(unsigned long a, unsigned long b)
{
    volatile struct shared_info *shared = (void *)KIT_PUPPET_VA(KIT_PUPPET_SHARED);
    struct evtchn_bind_ipi bind = {.vcpu = 0};
    struct evtchn_send send;

    kit_program_call(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, (uintptr_t)&bind, 0, 0);
    send.port = bind.port;
    for (;;) {
        kit_program_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (uintptr_t)&send, 0, 0);
        shared->evtchn_pending[0] = 0;
        shared->vcpu_info[0].evtchn_pending_sel = 0;
        shared->vcpu_info[0].evtchn_upcall_pending = 0;
    }
}

/* To the neighbour itself, as fast as it goes. */
KIT_PROGRAM static void event_storm_at(unsigned long port, unsigned long b)
{
    struct evtchn_send send = {.port = (evtchn_port_t)port};

    for (;;)
        kit_program_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (uintptr_t)&send, 0, 0);
}

/* Wakes up all the time: a timer, and to sleep until it goes off. */
KIT_PROGRAM static void wake_storm(unsigned long a, unsigned long b)
{
    struct sched_poll soon = {.timeout = 1}; /* long over */

    for (;;)
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_poll, (uintptr_t)&soon, 0, 0);
}

KIT_PROGRAM static void yield_storm(unsigned long a, unsigned long b)
{
    for (;;)
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
}

KIT_PROGRAM static void hypercall_storm(unsigned long a, unsigned long b)
{
    multicall_entry_t *list = (void *)KIT_PUPPET_VA(LIST);

    for (;;) {
        for (unsigned i = 0; i < KIT_PAGE_SIZE / sizeof(*list); i++) {
            list[i].op = __HYPERVISOR_xen_version;
            list[i].args[0] = XENVER_version;
        }
        kit_program_call(__HYPERVISOR_multicall, (uintptr_t)list, KIT_PAGE_SIZE / sizeof(*list), 0, 0);
    }
}

/* Pins and unpins a table, makes pages read-only and writable, and asks for every flush there is. */
KIT_PROGRAM static void table_storm(unsigned long table_mfn, unsigned long page_mfn)
{
    unsigned long page = KIT_PUPPET_VA(PAGE_B);

    kit_program_call(__HYPERVISOR_update_va_mapping, KIT_PUPPET_VA(PAGE_A), table_mfn << 12 | PTE_RO,
                     UVMF_INVLPG | UVMF_ALL, 0);
    for (;;) {
        struct mmuext_op ops[4] = {{.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = table_mfn},
                                   {.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = table_mfn},
                                   {.cmd = MMUEXT_TLB_FLUSH_ALL},
                                   {.cmd = MMUEXT_INVLPG_ALL, .arg1.linear_addr = page}};

        kit_program_call(__HYPERVISOR_mmuext_op, (uintptr_t)ops, 4, 0, DOMID_SELF);
        kit_program_call(__HYPERVISOR_update_va_mapping, page, page_mfn << 12 | PTE_RO,
                         UVMF_TLB_FLUSH | UVMF_ALL, 0);
        kit_program_call(__HYPERVISOR_update_va_mapping, page, page_mfn << 12 | PTE_RW,
                         UVMF_TLB_FLUSH | UVMF_ALL, 0);
    }
}

/* Maps and unmaps a page that it grants itself, and copies from it. */
KIT_PROGRAM static void grant_storm(unsigned long self, unsigned long page_mfn)
{
    unsigned long window = KIT_PUPPET_VA(PAGE_B);

    kit_program_call(__HYPERVISOR_update_va_mapping, window, 0, UVMF_INVLPG | UVMF_ALL, 0);
    for (;;) {
        struct gnttab_map_grant_ref map = {
            .dom = (domid_t)self, .ref = PAGE_C, .host_addr = window, .flags = GNTMAP_host_map};
        struct gnttab_unmap_grant_ref unmap;
        struct gnttab_copy copy;

        kit_program_call(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, (uintptr_t)&map, 1, 0);
        unmap.host_addr = window;
        unmap.dev_bus_addr = 0;
        unmap.handle = map.handle;
        kit_program_call(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, (uintptr_t)&unmap, 1, 0);
        copy.source.u.ref = PAGE_C;
        copy.source.domid = (domid_t)self;
        copy.source.offset = copy.dest.offset = 0;
        copy.dest.u.gmfn = page_mfn;
        copy.dest.domid = DOMID_SELF;
        copy.len = KIT_PAGE_SIZE;
        copy.flags = GNTCOPY_source_gref;
        kit_program_call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (uintptr_t)&copy, 1, 0);
        KIT_PUPPET_WORDS[1] |= (unsigned)map.status | (unsigned)copy.status;
    }
}

static void compete(const char *what, kit_program program, unsigned long a1, unsigned long a2)
{
    struct rival *both[] = {&worker, &rival};

    rival_start(&rival, program, a1, a2);
    measure(both, 2);
    kit_note("beside %s it does %lu; the other had %lu.%lu %% of the processor", what, worker.done,
             PER_MILLE(rival.ran, WINDOW) / 10, PER_MILLE(rival.ran, WINDOW) % 10);
}

static bool worker_ready(void)
{
    struct rival *one[] = {&worker};

    if (share)
        return true;
    if (!rival_make(&worker, program_work, 0, 0))
        return false;
    measure(one, 1);
    kit_note("alone it does %lu", worker.done);
    if (!rival_make_paused(&rival))
        return false;
    compete("a busy domain", program_work, 0, 0);
    share = worker.done;
    rival_end(&rival);
    return share;
}

/* It lost at most 2 % of its share; storms that do not use all of theirs leave it more. */
static void judge(void)
{
    check_within("of its share it got", PER_MILLE(worker.done, share), 980, 3000);
    rival_end(&rival);
}

static void storm(const char *what, kit_program program)
{
    CHECK_OR_RETURN(worker_ready() && rival_make_paused(&rival));
    compete(what, program, rival.p.mfn[PAGE_A], rival.p.mfn[PAGE_B]);
    judge();
}

KIT_TEST(event_storm)
{
    storm("events", event_storm);
}

/* A port of the neighbour's, whose upcalls are masked or taken as it likes: here it never looks. */
KIT_TEST(event_storm_at_neighbour)
{
    struct xen_domctl op = {0};
    struct evtchn_alloc_unbound ours = {0};
    volatile struct evtchn_bind_interdomain *theirs;

    CHECK_OR_RETURN(worker_ready() && rival_make_paused(&rival));
    ours.dom = worker.p.id;
    ours.remote_dom = rival.p.id;
    CHECK_RC(hcall_event_channel_op(EVTCHNOP_alloc_unbound, &ours), 0);
    CHECK_RC(kit_domctl(XEN_DOMCTL_unpausedomain, rival.p.id, &op), 0);
    theirs = (volatile void *)(kit_puppet_words(&rival.p) + 8);
    theirs->remote_dom = worker.p.id;
    theirs->remote_port = ours.port;
    CHECK_RC(kit_puppet_call(&rival.p, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain,
                             (uintptr_t)(KIT_PUPPET_WORDS + 8), 0, 0),
             0);
    {
        struct rival *both[] = {&worker, &rival};

        kit_puppet_run(&rival.p, event_storm_at, theirs->local_port, 0);
        measure(both, 2);
    }
    kit_note("beside events to it it does %lu", worker.done);
    judge();
}

KIT_TEST(wake_storm)
{
    storm("wake-ups", wake_storm);
}

KIT_TEST(yield_storm)
{
    storm("yields", yield_storm);
}

KIT_TEST(hypercall_storm)
{
    storm("hypercalls", hypercall_storm);
}

KIT_TEST(table_storm)
{
    storm("page tables and flushes", table_storm);
}

KIT_TEST(grant_storm)
{
    static uint64_t list[64];
    struct xen_mem_acquire_resource a = {.type = XENMEM_resource_grant_table, .nr_frames = 1};
    volatile struct grant_entry_v1 *table;

    CHECK_OR_RETURN(worker_ready() && rival_make_paused(&rival));
    a.domid = rival.p.id;
    set_xen_guest_handle(a.frame_list, (void *)list);
    CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, &a), 0);
    table = kit_foreign_map(rival.p.id, list[0], PTE_RW, NULL);
    CHECK_OR_RETURN(table);
    table[PAGE_C].domid = rival.p.id;
    table[PAGE_C].frame = (uint32_t)rival.p.mfn[PAGE_C];
    table[PAGE_C].flags = GTF_permit_access;
    kit_foreign_unmap((void *)(uintptr_t)table);
    compete("grants", grant_storm, rival.p.id, rival.p.mfn[PAGE_A]);
    CHECK_EQ(kit_puppet_words(&rival.p)[1], 0);
    judge();
}

KIT_TEST(nothing_left)
{
    share = 0;
    rival_end(&worker);
    CHECK_RC(kit_domain_pin(0, 0, ~0UL), 0);
}
