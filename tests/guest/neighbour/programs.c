/* SPDX-License-Identifier: MIT */
/* What hostile domains do, and what working ones do. */
#include "share.h"

#include <xen/grant_table.h>

/* Sends itself an IPI; its own upcalls are masked. */
KIT_PROGRAM void program_event_storm(unsigned long a, unsigned long b)
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
KIT_PROGRAM void program_event_storm_at(unsigned long port, unsigned long b)
{
    struct evtchn_send send = {.port = (evtchn_port_t)port};

    for (;;)
        kit_program_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (uintptr_t)&send, 0, 0);
}

/* Wakes up all the time: a timer, and to sleep until it goes off. */
KIT_PROGRAM void program_wake_storm(unsigned long a, unsigned long b)
{
    struct sched_poll soon = {.timeout = 1}; /* long over */

    for (;;)
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_poll, (uintptr_t)&soon, 0, 0);
}

KIT_PROGRAM void program_yield_storm(unsigned long a, unsigned long b)
{
    for (;;)
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
}

KIT_PROGRAM void program_hypercall_storm(unsigned long a, unsigned long b)
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
KIT_PROGRAM void program_table_storm(unsigned long table_mfn, unsigned long page_mfn)
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
KIT_PROGRAM void program_grant_storm(unsigned long self, unsigned long page_mfn)
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

bool rival_grants_itself(const struct rival *r)
{
    static uint64_t list[64];
    struct xen_mem_acquire_resource a = {.type = XENMEM_resource_grant_table, .nr_frames = 1};
    volatile struct grant_entry_v1 *table;

    a.domid = r->p.id;
    set_xen_guest_handle(a.frame_list, (void *)list);
    CHECK_RC(hcall_memory_op(XENMEM_acquire_resource, &a), 0);
    table = kit_foreign_map(r->p.id, list[0], PTE_RW, NULL);
    CHECK(table);
    if (!table)
        return false;
    table[PAGE_C].domid = r->p.id;
    table[PAGE_C].frame = (uint32_t)r->p.mfn[PAGE_C];
    table[PAGE_C].flags = GTF_permit_access;
    kit_foreign_unmap((void *)(uintptr_t)table);
    return true;
}

/* Gives a page back and takes another, for ever: the heap is everybody's. */
KIT_PROGRAM void program_memory_storm(unsigned long a, unsigned long page_mfn)
{
    unsigned long frame = page_mfn, pfn = PAGE_B;
    struct xen_memory_reservation give, take;

    kit_program_call(__HYPERVISOR_update_va_mapping, KIT_PUPPET_VA(PAGE_B), 0, UVMF_INVLPG | UVMF_ALL, 0);
    for (;;) {
        set_xen_guest_handle(give.extent_start, &frame);
        give.nr_extents = 1;
        give.extent_order = 0;
        give.mem_flags = 0;
        give.domid = DOMID_SELF;
        take = give;
        set_xen_guest_handle(take.extent_start, &pfn);
        KIT_PUPPET_WORDS[1] |= kit_program_call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation,
                                                (uintptr_t)&give, 0, 0) != 1;
        KIT_PUPPET_WORDS[1] |=
            kit_program_call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, (uintptr_t)&take, 0, 0) != 1;
        frame = pfn;
        pfn = PAGE_B;
    }
}

/*
 * A unit of it: it computes, and asks for what guests ask for: an event, a timer, an entry of a page table, a copy. Not for memory: a page that another domain had is waited for, until all
 * processors have answered for their TLBs.
 */
KIT_PROGRAM void program_calls(unsigned long copy_mfn, unsigned long page_mfn)
{
    struct evtchn_bind_ipi bind = {.vcpu = 0};
    struct evtchn_send send;

    kit_program_call(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, (uintptr_t)&bind, 0, 0);
    send.port = bind.port;
    for (;;) {
        struct gnttab_copy copy;

        for (unsigned i = 0; i < 2000; i++)
            KIT_PUPPET_WORDS[2]++;
        kit_program_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (uintptr_t)&send, 0, 0);
        kit_program_call(__HYPERVISOR_set_timer_op, 0, 0, 0, 0);
        kit_program_call(__HYPERVISOR_update_va_mapping, KIT_PUPPET_VA(PAGE_B), page_mfn << 12 | PTE_RW,
                         UVMF_INVLPG, 0);
        copy.source.u.gmfn = copy.dest.u.gmfn = copy_mfn;
        copy.source.domid = copy.dest.domid = DOMID_SELF;
        copy.source.offset = 0;
        copy.dest.offset = 2048;
        copy.len = 2048;
        copy.flags = 0;
        kit_program_call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (uintptr_t)&copy, 1, 0);
        KIT_PUPPET_WORDS[1] |= (unsigned)copy.status;
        KIT_PUPPET_WORDS[0]++;
    }
}
