/* SPDX-License-Identifier: MIT */
/* vcpu_op: coming and going of vcpus, and the areas that a guest registers. */
#include <kit/args.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

#include <xen/domctl.h>

static volatile uint32_t ran;

static void count(void *arg)
{
    ran += (uint32_t)(uintptr_t)arg;
}

KIT_TEST(vcpu_up_and_down)
{
    KIT_NEEDS_VCPUS(2);

    unsigned n = kit_nr_vcpus();

    CHECK_EQ(n, kit_arg_number("smp", 4)); /* as many as processors */
    CHECK_EQ(hcall_vcpu_op(VCPUOP_is_up, 0, NULL), 1);
    CHECK_RC(hcall_vcpu_op(VCPUOP_is_up, n, NULL), -XEN_ENOENT);
    CHECK_RC(hcall_vcpu_op(VCPUOP_is_up, ~0U, NULL), -XEN_ENOENT);
    for (unsigned v = 1; v < n; v++)
        for (unsigned i = 0; i < 5; i++) {
            ran = 0;
            CHECK_RC(kit_vcpu_run(v, count, (void *)7), 0);
            CHECK(kit_vcpu_join(v, KIT_S));
            CHECK_EQ(ran, 7);
        }
    kit_spin_ns(2 * KIT_MS);
    CHECK_EQ(hcall_vcpu_op(VCPUOP_is_up, 1, NULL), 0);
}

KIT_TEST(vcpu_initialise_errors)
{
    KIT_NEEDS_VCPUS(2);

    static struct vcpu_guest_context c;

    CHECK_RC(kit_vcpu_run(1, count, NULL), 0); /* make sure it is initialised */
    CHECK(kit_vcpu_join(1, KIT_S));
    kit_vcpu_context(&kit_vcpus[1], &c);
    CHECK_RC(hcall_vcpu_op(VCPUOP_initialise, 1, &c), -XEN_EEXIST);
    CHECK_RC(hcall_vcpu_op(VCPUOP_initialise, 0, &c), -XEN_EEXIST);
    CHECK_RC(hcall_vcpu_op(VCPUOP_initialise, 99, &c), -XEN_ENOENT);
    CHECK_RC(hcall_vcpu_op(VCPUOP_up, 99, NULL), -XEN_ENOENT);
    CHECK_RC(hcall_vcpu_op(VCPUOP_down, 99, NULL), -XEN_ENOENT);
    CHECK_RC(hcall_vcpu_op(14, 0, NULL), -XEN_ENOSYS);
    CHECK_RC(hcall_vcpu_op(-1, 0, NULL), -XEN_ENOSYS);
    CHECK_RC(hcall_vcpu_op(VCPUOP_up, 0, NULL), 0); /* it is up */
}

/* A context that must not be taken; run first, while vcpu 3 is fresh. */
KIT_TEST_ALONE(vcpu_bad_contexts)
{
    KIT_NEEDS_VCPUS(4);

    static struct vcpu_guest_context c;
    struct kit_vcpu *v = &kit_vcpus[3];
    uint64_t *page = kit_page_alloc();

    v->stack = kit_stack_alloc(v);
    v->trap_stack = kit_stack_alloc(v);
    CHECK_RC(hcall_vcpu_op(VCPUOP_up, 3, NULL), -XEN_EINVAL); /* not initialised */
    CHECK_RC(hcall_vcpu_op(VCPUOP_initialise, 3, (void *)0x1000), -XEN_EFAULT);
    for (unsigned i = 0; i < 13; i++) {
        kit_vcpu_context(v, &c);
        switch (i) {
        case 0:
            c.ctrlreg[3] = 0x100000; /* a frame of somebody else */
            break;
        case 1:
            c.ctrlreg[3] = kit_maddr_of(page); /* no table */
            break;
        case 2:
            c.ctrlreg[3] = 0;
            break;
        case 3:
            c.ctrlreg[3] = 1UL << 63;
            break;
        case 4:
            c.user_regs.rip = 1UL << 63;
            break;
        case 5:
            c.event_callback_eip = 1UL << 63;
            break;
        case 6:
            c.fs_base = 1UL << 63;
            break;
        case 7:
            c.trap_ctxt[77].address = 1UL << 63;
            break;
        case 8:
            c.gdt_ents = FIRST_RESERVED_GDT_ENTRY + 1;
            break;
        case 9:
            c.gdt_ents = 512;
            c.gdt_frames[0] = 0x100;
            break;
        case 10:
            c.ldt_base = 0x123;
            c.ldt_ents = 8;
            break;
        case 11:
            c.ctrlreg[1] = 0x100000;
            break;
        case 12: /* in user mode, with no page tables for it */
            c.flags &= ~(unsigned long)VGCF_in_kernel;
            c.ctrlreg[1] = 0;
            break;
        }
        kit_check(hcall_vcpu_op(VCPUOP_initialise, 3, &c) == -XEN_EINVAL, __FILE__, __LINE__, "case %u", i);
        CHECK_RC(hcall_vcpu_op(VCPUOP_up, 3, NULL), -XEN_EINVAL);
    }
    kit_vcpu_context(v, &c);
    CHECK_RC(hcall_vcpu_op(VCPUOP_initialise, 3, &c), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_initialise, 3, &c), -XEN_EEXIST);
}

KIT_TEST(runstate_info)
{
    KIT_NEEDS_VCPUS(3);

    struct vcpu_runstate_info r, s;
    uint64_t sum, now;

    CHECK_RC(hcall_vcpu_op(VCPUOP_get_runstate_info, 0, &r), 0);
    now = kit_time_ns();
    CHECK_EQ(r.state, RUNSTATE_running);
    CHECK(r.state_entry_time <= now);
    kit_spin_ns(10 * KIT_MS);
    CHECK_RC(hcall_vcpu_op(VCPUOP_get_runstate_info, 0, &s), 0);
    CHECK(s.time[RUNSTATE_running] >= r.time[RUNSTATE_running] + 5 * KIT_MS);
    sum = s.time[0] + s.time[1] + s.time[2] + s.time[3];
    CHECK(sum <= kit_time_ns() + 100 * KIT_MS && sum >= s.time[RUNSTATE_running]);
    CHECK_RC(hcall_vcpu_op(VCPUOP_get_runstate_info, 2, &r), 0);
    CHECK_EQ(r.state, RUNSTATE_offline);
    CHECK_RC(hcall_vcpu_op(VCPUOP_get_runstate_info, 99, &r), -XEN_ENOENT);
    CHECK_RC(hcall_vcpu_op(VCPUOP_get_runstate_info, 0, (void *)0x1000), -XEN_EFAULT);
}

static long register_runstate(unsigned vcpu, void *area)
{
    struct vcpu_register_runstate_memory_area a = {.addr.v = area};

    return hcall_vcpu_op(VCPUOP_register_runstate_memory_area, vcpu, &a);
}

/* Sleeps for 20 ms; how much longer the area says that vcpu 0 was blocked then. On a busy machine all of that may be over before the hypervisor is asked. */
static uint64_t blocked_in_sleep(volatile struct vcpu_runstate_info *area)
{
    uint64_t before = area->time[RUNSTATE_blocked];
    struct sched_poll poll = {.timeout = kit_time_ns() + 20 * KIT_MS};

    CHECK_RC(hcall_sched_op(SCHEDOP_poll, &poll), 0);
    CHECK(kit_time_ns() >= poll.timeout);
    CHECK_EQ(area->state, RUNSTATE_running);
    return area->time[RUNSTATE_blocked] - before;
}

KIT_TEST(runstate_area)
{
    KIT_NEEDS_VCPUS(2);

    static struct vcpu_runstate_info area __aligned(64);
    struct sched_poll poll = {0};
    uint64_t blocked = 0;

    memset(&area, 0xff, sizeof(area));
    CHECK_RC(register_runstate(0, &area), 0);
    CHECK_EQ(area.state, RUNSTATE_running);
    CHECK(area.state_entry_time <= kit_time_ns());
    for (unsigned i = 0; i < 50 && blocked < 10 * KIT_MS; i++)
        blocked = blocked_in_sleep(&area);
    CHECK(blocked >= 10 * KIT_MS);
    CHECK_EQ(READ_ONCE(area.state_entry_time) & XEN_RUNSTATE_UPDATE, 0);
    CHECK_RC(register_runstate(1, &area), 0);
    CHECK_RC(register_runstate(1, NULL), 0);
    CHECK_RC(register_runstate(0, (void *)0x8000000000000000UL), -XEN_EFAULT);
    CHECK_RC(register_runstate(0, (void *)HYPERVISOR_VIRT_START), -XEN_EFAULT);
    CHECK_RC(register_runstate(0, (void *)0x1000), 0); /* unmapped: may be mapped later */
    CHECK_RC(hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, (void *)0x1000), -XEN_EFAULT);
    /* An area that is no longer mapped is skipped without harm. */
    poll.timeout = kit_time_ns() + 5 * KIT_MS;
    CHECK_RC(hcall_sched_op(SCHEDOP_poll, &poll), 0);
    CHECK_RC(register_runstate(0, NULL), 0);
}

KIT_TEST(time_area)
{
    static struct vcpu_time_info area __aligned(64);
    struct vcpu_register_time_memory_area a = {.addr.v = &area};
    uint64_t now, then;

    CHECK_RC(hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &a), 0);
    struct vcpu_time_info copy = kit_time_snapshot(&area);
    CHECK(copy.tsc_to_system_mul != 0);
    now = kit_time_ns();
    then = kit_time_from(&copy, kit_rdtsc());
    CHECK(then >= now - KIT_MS && then < now + 100 * KIT_MS);
    a.addr.v = (void *)0x8000000000000000UL;
    CHECK_RC(hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &a), -XEN_EFAULT);
    a.addr.v = (void *)HYPERVISOR_VIRT_START;
    CHECK_RC(hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &a), -XEN_EFAULT);
    a.addr.v = (void *)0x1000;
    CHECK_RC(hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &a), 0);
    a.addr.v = NULL;
    CHECK_RC(hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &a), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, (void *)0x1000), -XEN_EFAULT);
}

static long register_info(unsigned vcpu, unsigned long mfn, unsigned offset)
{
    struct vcpu_register_vcpu_info r = {.mfn = mfn, .offset = offset};

    return hcall_vcpu_op(VCPUOP_register_vcpu_info, vcpu, &r);
}

/* From here on vcpu 2's record is elsewhere; vcpu 0's stays, as the other tests read it. */
KIT_TEST(vcpu_info_area)
{
    KIT_NEEDS_VCPUS(3);

    char *page = kit_page_alloc();
    struct vcpu_info *info = (void *)(page + 128);
    uint64_t *table = kit_table_alloc();

    CHECK_RC(register_info(2, kit_mfn_of(page), 4096 - 32), -XEN_ENXIO); /* across the page's end */
    CHECK_RC(register_info(2, kit_mfn_of(page), 4096), -XEN_ENXIO);
    CHECK_RC(register_info(2, kit_mfn_of(page), ~0U), -XEN_ENXIO);
    CHECK_RC(register_info(2, 0x100, 0), -XEN_EINVAL);
    CHECK_RC(register_info(2, ~0UL - 1, 0), -XEN_EINVAL);
    CHECK_RC(register_info(99, kit_mfn_of(page), 0), -XEN_ENOENT);
    CHECK_RC(kit_pin(1, kit_mfn_of(table)), 0);
    CHECK_RC(register_info(2, kit_mfn_of(table), 0), -XEN_EINVAL);
    CHECK_RC(kit_unpin(kit_mfn_of(table)), 0);
    CHECK_RC(kit_table_free(table), 0);
    CHECK_RC(register_info(2, kit_mfn_of(page), 129), -XEN_ENXIO); /* not aligned */
    CHECK_RC(register_info(2, kit_mfn_of(page), 128), 0);
    CHECK_RC(register_info(2, kit_mfn_of(page), 256), -XEN_EINVAL); /* once */
    /* Everything is marked pending, lest an event get lost in the move. */
    CHECK_EQ(info->evtchn_upcall_pending, 1);
    CHECK_EQ(info->evtchn_upcall_mask, 1);
    CHECK_EQ(info->evtchn_pending_sel, ~0UL);
    CHECK_RC(hcall_vcpu_op(VCPUOP_register_vcpu_info, 0, (void *)0x1000), -XEN_EFAULT);
    /* The page cannot become anything but writable memory any more. */
    CHECK_RC(kit_set_ro(page), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(page)), -XEN_EINVAL);
    CHECK_RC(kit_set_rw(page), 0);
    kit_vcpus[2].info = (void *)(page + 128);
    ran = 0;
    CHECK_RC(kit_vcpu_run(2, count, (void *)9), 0);
    CHECK(kit_vcpu_join(2, KIT_S));
    CHECK_EQ(ran, 9);
    CHECK(info->time.version != 0);
}

static long set_affinity(unsigned vcpu, uint64_t processors)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setvcpuaffinity,
                            .interface_version = XEN_DOMCTL_INTERFACE_VERSION};

    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)&processors);
    return kit_hypercall1(__HYPERVISOR_domctl, (uintptr_t)&op);
}

/* Answered for a pinned vcpu only, and then for the processor of its own number, wherever it is pinned. QEMU numbers all alike. */
KIT_TEST(physid)
{
    KIT_NEEDS_VCPUS(2);

    struct vcpu_get_physid p;

    CHECK_RC(hcall_vcpu_op(VCPUOP_get_physid, 0, &p), -XEN_EINVAL); /* not pinned */
    CHECK_RC(hcall_vcpu_op(VCPUOP_get_physid, 99, &p), -XEN_ENOENT);
    for (unsigned processor = 0; processor < 2; processor++) {
        CHECK_RC(set_affinity(1, 1u << processor), 0);
        p.phys_id = 0;
        CHECK_RC(hcall_vcpu_op(VCPUOP_get_physid, 1, &p), 0);
        CHECK_EQ(xen_vcpu_physid_to_x86_apicid(p.phys_id), 1);
        CHECK_EQ(xen_vcpu_physid_to_x86_acpiid(p.phys_id), 1);
    }
    CHECK_RC(set_affinity(1, ~0ULL), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_get_physid, 1, &p), -XEN_EINVAL);
}

/* With the update flag, the entry time's top bit is set while the record changes: never seen by the vcpu itself. */
KIT_TEST(runstate_update_flag)
{
    static struct vcpu_runstate_info area __aligned(64);
    struct sched_poll poll;

    CHECK_RC(hcall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag), 0);
    CHECK_RC(register_runstate(0, &area), 0);
    for (unsigned i = 0; i < 5; i++) {
        poll = (struct sched_poll){.timeout = kit_time_ns() + 3 * KIT_MS};
        CHECK_RC(hcall_sched_op(SCHEDOP_poll, &poll), 0);
        CHECK_EQ(READ_ONCE(area.state_entry_time) & XEN_RUNSTATE_UPDATE, 0);
        CHECK(READ_ONCE(area.state_entry_time) <= kit_time_ns());
        CHECK_EQ(READ_ONCE(area.state), RUNSTATE_running);
    }
    CHECK_RC(register_runstate(0, NULL), 0);
    CHECK_RC(hcall_vm_assist(VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag), 0);
}
