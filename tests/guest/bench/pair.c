/* SPDX-License-Identifier: MIT */
#include "pair.h"

struct kit_puppet pair;
unsigned pair_port, pair_their_port;

static bool connect(void)
{
    struct evtchn_alloc_unbound ours = {.dom = DOMID_SELF, .remote_dom = pair.id};
    volatile struct evtchn_bind_interdomain *theirs = (volatile void *)kit_puppet_words(&pair);

    if (hcall_event_channel_op(EVTCHNOP_alloc_unbound, &ours))
        return false;
    pair_port = ours.port;
    theirs->remote_dom = 0;
    theirs->remote_port = ours.port;
    if (kit_puppet_call(&pair, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain,
                        (uintptr_t)KIT_PUPPET_WORDS, 0, 0))
        return false;
    pair_their_port = theirs->local_port;
    return true;
}

bool pair_make(unsigned processor)
{
    bool ok;

    CHECK_RC(kit_domain_pin(0, 0, 1), 0);
    CHECK_RC(kit_puppet_build(&pair), 0);
    if (kit_skipped() || !pair.box)
        return false;
    ok = !kit_puppet_load(&pair) && !kit_domain_pin(pair.id, 0, 1UL << processor) &&
         !kit_puppet_start(&pair) && connect();
    CHECK(ok);
    if (!ok)
        pair_end();
    return ok;
}

bool pair_grant(void)
{
    static uint64_t list[64];
    struct xen_mem_acquire_resource a = {
        .type = XENMEM_resource_grant_table, .domid = pair.id, .nr_frames = 1};
    volatile struct grant_entry_v1 *table;

    set_xen_guest_handle(a.frame_list, (void *)list);
    CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, &a), 0);
    table = kit_foreign_map(pair.id, list[0], PTE_RW, NULL);
    CHECK(table);
    if (!table)
        return false;
    for (unsigned i = 0; i < PAIR_GRANTS; i++)
        table[PAIR_PAGE + i] = (struct grant_entry_v1){
            .flags = GTF_permit_access, .domid = 0, .frame = (uint32_t)pair.mfn[PAIR_PAGE + i]};
    kit_foreign_unmap((void *)(uintptr_t)table);
    return true;
}

KIT_PROGRAM static void sleep(unsigned long a, unsigned long b)
{
    struct sched_poll nothing = {.timeout = 0};

    for (;;)
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_poll, (uintptr_t)&nothing, 0, 0);
}

void pair_sleep(struct kit_puppet *p)
{
    kit_puppet_run(p, sleep, 0, 0);
}

void pair_end(void)
{
    kit_event_close(pair_port);
    CHECK(kit_puppet_end(&pair));
    CHECK_RC(kit_domain_pin(0, 0, ~0UL), 0);
}
