/* SPDX-License-Identifier: MIT */
/* Between two domains: events, switches, grants. */
#include "pair.h"

static volatile uint32_t seen;

static void count_upcall(void)
{
    volatile struct vcpu_info *info = kit_this()->info;

    info->evtchn_upcall_pending = 0;
    info->evtchn_pending_sel = 0;
    kit_shared->evtchn_pending[0] = 0;
    seen++;
}

/* Answers each event with one, asleep between them. */
KIT_PROGRAM static void answer_events(unsigned long port, unsigned long upcall)
{
    volatile struct shared_info *shared = (void *)KIT_PUPPET_VA(KIT_PUPPET_SHARED);
    struct callback_register callback = {.type = CALLBACKTYPE_event, .address = upcall};
    struct evtchn_send send = {.port = (evtchn_port_t)port};
    uint64_t before = 0;

    kit_program_call(__HYPERVISOR_callback_op, CALLBACKOP_register, (uintptr_t)&callback, 0, 0);
    for (;;) {
        shared->vcpu_info[0].evtchn_upcall_mask = 1;
        while (KIT_PROGRAM_UPCALLS == before) {
            kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0, 0);
            shared->vcpu_info[0].evtchn_upcall_mask = 1;
        }
        before = KIT_PROGRAM_UPCALLS;
        kit_program_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (uintptr_t)&send, 0, 0);
    }
}

static void start_answers(void)
{
    seen = 0;
    kit_event_upcall_hook(count_upcall);
    kit_event_unmask(pair_port);
    kit_puppet_run(&pair, answer_events, pair_their_port, kit_puppet_address(kit_program_upcall));
}

static void ping_pong(unsigned long n)
{
    while (n--) {
        uint32_t before = seen;

        kit_event_send(pair_port);
        while (seen == before) {
            hcall_sched_op(SCHEDOP_block, NULL);
            kit_events_disable();
        }
    }
}

/* With a processor for each: two sends, two wake-ups of an idle processor. */
BENCH_BETWEEN(event_ping_pong, 4, 1, start_answers, ping_pong)

/* On one: each waits while the other runs. */
BENCH_BETWEEN(event_ping_pong_same_cpu, 4, 0, start_answers, ping_pong)

/* Copies word 0 to word 1, and yields until there is a new one. */
KIT_PROGRAM static void answer_yielding(unsigned long a, unsigned long b)
{
    for (;;) {
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
        KIT_PUPPET_WORDS[1] = KIT_PUPPET_WORDS[0];
    }
}

static void start_yielding(void)
{
    kit_puppet_run(&pair, answer_yielding, 0, 0);
}

static void yields(unsigned long n)
{
    volatile uint64_t *words = kit_puppet_words(&pair);

    while (n--) {
        words[0]++;
        while (words[1] != words[0])
            hcall_sched_op(SCHEDOP_yield, NULL);
    }
}

/* There and back: two switches. */
BENCH_BETWEEN(domain_switch_and_back, 1, 0, start_yielding, yields)

static char *window;
static struct gnttab_map_grant_ref map[PAIR_GRANTS];
static struct gnttab_unmap_grant_ref unmap[PAIR_GRANTS];
static struct gnttab_copy copy[PAIR_GRANTS];

static void start_grants(void)
{
    CHECK(pair_grant());
    pair_sleep(&pair);
    if (!window) {
        window = kit_pages_alloc(PAIR_GRANTS);
        for (unsigned i = 0; i < PAIR_GRANTS; i++)
            CHECK_RC(kit_unmap(window + i * KIT_PAGE_SIZE), 0);
    }
    for (unsigned i = 0; i < PAIR_GRANTS; i++)
        map[i] = (struct gnttab_map_grant_ref){.dom = pair.id,
                                               .ref = PAIR_PAGE + i,
                                               .host_addr = (uintptr_t)window + i * KIT_PAGE_SIZE,
                                               .flags = GNTMAP_host_map};
}

static void map_and_unmap(unsigned long n, unsigned count)
{
    while (n--) {
        hcall_grant_table_op(GNTTABOP_map_grant_ref, map, count);
        for (unsigned i = 0; i < count; i++)
            unmap[i] =
                (struct gnttab_unmap_grant_ref){.host_addr = map[i].host_addr, .handle = map[i].handle};
        hcall_grant_table_op(GNTTABOP_unmap_grant_ref, unmap, count);
    }
    for (unsigned i = 0; i < count; i++)
        CHECK(!map[i].status && !unmap[i].status);
}

static void map_and_unmap_1(unsigned long n)
{
    map_and_unmap(n, 1);
}

static void map_and_unmap_32(unsigned long n)
{
    map_and_unmap(n, 32);
}

BENCH_BETWEEN(grant_map_unmap_1, 1, 1, start_grants, map_and_unmap_1)
BENCH_BETWEEN(grant_map_unmap_32, 4, 1, start_grants, map_and_unmap_32)

static void start_copies(void)
{
    static char *pages;

    CHECK(pair_grant());
    pair_sleep(&pair);
    if (!pages)
        pages = kit_pages_alloc(PAIR_GRANTS);
    for (unsigned i = 0; i < PAIR_GRANTS; i++)
        copy[i] = (struct gnttab_copy){
            .source = {.u.ref = PAIR_PAGE + i, .domid = pair.id},
            .dest = {.u.gmfn = kit_mfn_of(pages + i * KIT_PAGE_SIZE), .domid = DOMID_SELF},
            .len = KIT_PAGE_SIZE,
            .flags = GNTCOPY_source_gref};
}

static void copies(unsigned long n, unsigned count)
{
    while (n--)
        hcall_grant_table_op(GNTTABOP_copy, copy, count);
    for (unsigned i = 0; i < count; i++)
        CHECK(!copy[i].status);
}

static void copy_1(unsigned long n)
{
    copies(n, 1);
}

static void copy_32(unsigned long n)
{
    copies(n, 32);
}

BENCH_BETWEEN(grant_copy_1, 1, 1, start_copies, copy_1)
BENCH_BETWEEN(grant_copy_32, 4, 1, start_copies, copy_32)
