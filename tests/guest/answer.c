/* SPDX-License-Identifier: MIT */
/*
 * A guest that lives: it sends back, plus one, what it is sent through its console ring, until it is destroyed. tests/system/debian/cycles.c makes hundreds of it.
 * GUEST-GROUP: smp=1 mem=256 dom0=64M
 */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/test.h>
#include <xen/io/console.h>

static void answer(volatile struct xencons_interface *ring)
{
    while (ring->in_cons != ring->in_prod) {
        uint32_t from = ring->in_cons, to = ring->out_prod;

        ring->out[MASK_XENCONS_IDX(to, ring->out)] = (char)(ring->in[MASK_XENCONS_IDX(from, ring->in)] + 1);
        __atomic_store_n(&ring->in_cons, from + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&ring->out_prod, to + 1, __ATOMIC_RELEASE);
    }
}

/* As domain 0 there is nobody to answer. */
KIT_TEST(answers)
{
    evtchn_port_t port = kit_start_info->console.domU.evtchn;
    volatile struct xencons_interface *ring = kit_page_alloc();
    struct sched_poll poll = {.nr_ports = 1};

    CHECK_OR_RETURN(ring);
    if (kit_start_info->flags & SIF_INITDOMAIN)
        return;
    CHECK_OR_RETURN(!kit_remap((void *)ring, kit_start_info->console.domU.mfn << 12 | PTE_RW));
    set_xen_guest_handle(poll.ports, &port);
    kit_events_disable();
    for (;;) {
        kit_event_clear(port);
        answer(ring);
        hcall_sched_op(SCHEDOP_poll, &poll);
    }
}
