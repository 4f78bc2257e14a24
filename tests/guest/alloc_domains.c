/* SPDX-License-Identifier: MIT */
/*
 * Makes and ends domains, and little else: tests/guest/fail_alloc.py boots it with each allocation failing in turn. What cannot be made then is undone, to the page.
 * GUEST-GROUP: smp=1 mem=256 dom0=64M
 */
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/print.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <xen/grant_table.h>

static struct kit_puppet p;
static uint64_t list[4];

/* What a toolstack does besides to a domain that it makes. Each may fail for want of memory. */
static void furnish(void)
{
    struct xen_mem_acquire_resource a = {
        .type = XENMEM_resource_grant_table, .frame = 2, .nr_frames = 1, .domid = p.id};
    struct evtchn_alloc_unbound theirs = {.dom = p.id, .remote_dom = 0};
    struct evtchn_bind_interdomain bind = {.remote_dom = p.id};
    char entry[20] = {0}; /* of an e820 map: address, size, type */
    struct xen_foreign_memory_map map = {.domid = p.id, .map = {.nr_entries = 1}};
    struct evtchn_close shut;

    set_xen_guest_handle(a.frame_list, (void *)list);
    hcall_memory_op(XENMEM_acquire_resource, &a);
    set_xen_guest_handle(map.map.buffer, (void *)entry);
    hcall_memory_op(XENMEM_set_memory_map, &map);
    if (hcall_event_channel_op(EVTCHNOP_alloc_unbound, &theirs))
        return;
    bind.remote_port = theirs.port;
    if (hcall_event_channel_op(EVTCHNOP_bind_interdomain, &bind))
        return;
    shut.port = bind.local_port;
    hcall_event_channel_op(EVTCHNOP_close, &shut);
}

static void cycle(void)
{
    if (kit_puppet_make(&p))
        return;
    furnish();
    CHECK(kit_puppet_end(&p));
}

/* The first may leave what later ones share. The allocations of the second are those of a domain's making, and each is one that may fail. */
KIT_TEST(cycles)
{
    uint64_t before, after;

    cycle();
    before = kit_free_pages();
    cycle();
    after = kit_free_pages();
    if (after != before)
        kit_printf("LEAK %ld pages\n", (long)(before - after));
    CHECK_EQ(after, before);
}
