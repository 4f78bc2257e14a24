/* SPDX-License-Identifier: MIT */
/*
 * Hostile domains beside one that works: what it gets of the processor beside each kind of storm, against what it gets beside a domain that is merely
 * busy, which is the scheduler's share. At most 2 % less.
 */
#include "share.h"

static struct rival worker, rival;
static uint64_t share; /* beside a busy domain */

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
    storm("events", program_event_storm);
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

        kit_puppet_run(&rival.p, program_event_storm_at, theirs->local_port, 0);
        measure(both, 2);
    }
    kit_note("beside events to it it does %lu", worker.done);
    judge();
}

KIT_TEST(wake_storm)
{
    storm("wake-ups", program_wake_storm);
}

KIT_TEST(yield_storm)
{
    storm("yields", program_yield_storm);
}

KIT_TEST(hypercall_storm)
{
    storm("hypercalls", program_hypercall_storm);
}

KIT_TEST(table_storm)
{
    storm("page tables and flushes", program_table_storm);
}

KIT_TEST(grant_storm)
{
    CHECK_OR_RETURN(worker_ready() && rival_make_paused(&rival) && rival_grants_itself(&rival));
    compete("grants", program_grant_storm, rival.p.id, rival.p.mfn[PAGE_A]);
    CHECK_EQ(kit_puppet_words(&rival.p)[1], 0);
    judge();
}

KIT_TEST(nothing_left)
{
    share = 0;
    rival_end(&worker);
    CHECK_RC(kit_domain_pin(0, 0, ~0UL), 0);
}
