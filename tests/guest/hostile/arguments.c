/* SPDX-License-Identifier: MIT */
/* Good pointers, bad numbers: counts that overflow, commands that nobody knows, handles inside structures. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/random.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

/* Lists whose end wraps around the address space or runs into the hypervisor. */
KIT_TEST(counts)
{
    static const unsigned huge[] = {0x10000000, 0x7fffffff, 0xffffffff};
    struct mmu_update u = {.ptr = 0x100000, .val = 0};
    struct mmuext_op m = {.cmd = 14};
    unsigned done;

    for (unsigned i = 0; i < ARRAY_SIZE(huge); i++) {
        CHECK_RC(hcall_mmu_update((void *)0x1000, huge[i], &done, DOMID_SELF), -XEN_EFAULT);
        CHECK_RC(hcall_mmu_update((void *)HYPERVISOR_VIRT_START, huge[i], &done, DOMID_SELF), -XEN_EFAULT);
        CHECK_RC(hcall_mmu_update(&u, huge[i], &done, DOMID_SELF), -XEN_EINVAL); /* the first entry is bad */
        CHECK_RC(hcall_mmuext_op(&m, huge[i], &done, DOMID_SELF), -XEN_ENOSYS);
        CHECK_RC(hcall_multicall((void *)0x1000, huge[i]), -XEN_EFAULT);
        CHECK_RC(hcall_multicall((void *)(HYPERVISOR_VIRT_START - 64), huge[i]), -XEN_EFAULT);
        CHECK_RC(hcall_console_io(CONSOLEIO_write, huge[i], (void *)0x1000), -XEN_EFAULT);
        CHECK_RC(hcall_set_gdt((void *)0x1000, huge[i]), -XEN_EINVAL);
    }
}

KIT_TEST(unknown_commands)
{
    static uint8_t buf[4096];

    for (unsigned i = 0; i < 40; i++) {
        int cmd = i < 20 ? 50 + (int)i : (int)(kit_random() | 0x40000000);

        CHECK_RC(hcall_xen_version(cmd, buf), -XEN_ENOSYS);
        CHECK_RC(hcall_console_io(cmd, 1, buf), -XEN_ENOSYS);
        CHECK_RC(hcall_vcpu_op(cmd, 0, buf), -XEN_ENOSYS);
        CHECK_RC(hcall_sched_op(cmd, buf), -XEN_ENOSYS);
        CHECK_RC(hcall_callback_op(cmd, buf), -XEN_ENOSYS);
        CHECK_RC(hcall_event_channel_op(cmd, buf), -XEN_ENOSYS);
        CHECK_RC(hcall_nmi_op((unsigned)cmd, buf), -XEN_ENOSYS);
        CHECK_RC(hcall_physdev_op(cmd, buf), -XEN_ENOSYS);
        CHECK_RC(hcall_vm_assist((unsigned)cmd + 2, 0), -XEN_ENOSYS);
    }
}

/* Handles inside a good structure. */
KIT_TEST(inner_handles)
{
    static void *const bad[] = {(void *)0x1000, (void *)MACH2PHYS_VIRT_START, (void *)0xffff82d040200000UL,
                                (void *)0x800000000000UL, (void *)(~0UL - 7)};

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct sched_poll poll = {.nr_ports = 1, .timeout = 1};
        struct xen_memory_map map = {.nr_entries = 64};
        struct xen_machphys_mfn_list list = {.max_extents = 4};
        struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};
        struct xen_memory_exchange x = {0};
        struct vcpu_register_runstate_memory_area area;

        set_xen_guest_handle(poll.ports, bad[i]);
        CHECK_RC(hcall_sched_op(SCHEDOP_poll, &poll), -XEN_EFAULT);
        set_xen_guest_handle(map.buffer, bad[i]);
        CHECK_RC(hcall_memory_op(XENMEM_machine_memory_map, &map), -XEN_EFAULT);
        set_xen_guest_handle(list.extent_start, bad[i]);
        CHECK_RC(hcall_memory_op(XENMEM_machphys_mfn_list, &list), -XEN_EFAULT);
        set_xen_guest_handle(r.extent_start, bad[i]);
        CHECK_EQ(hcall_memory_op(XENMEM_decrease_reservation, &r), 0);
        CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap, &r), 0);
        x.in = x.out = r;
        CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), -XEN_EFAULT);
        area.addr.v = bad[i];
        if (i < 4) /* what is not mapped may be so later; what is the hypervisor's is refused */
            CHECK_RC(hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area), i ? -XEN_EFAULT : 0);
        area.addr.v = NULL;
        hcall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area);
    }
}

/* XSA-212: the sum of a handle and a progress count must not point into the hypervisor. */
KIT_TEST(exchange_progress)
{
    unsigned long in = 0x100, target = 0xffff82d040400000UL;
    struct xen_memory_exchange x = {
        .in = {.nr_extents = 1UL << 40, .domid = DOMID_SELF},
        .out = {.nr_extents = 1UL << 40, .domid = DOMID_SELF},
    };

    set_xen_guest_handle(x.in.extent_start, &in);
    x.nr_exchanged = (target - (uintptr_t)&in) / 8;
    set_xen_guest_handle(x.out.extent_start, &in);
    x.in.nr_extents = x.out.nr_extents = x.nr_exchanged + 1;
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), -XEN_EFAULT);
    x.in.nr_extents = x.out.nr_extents = 2;
    x.nr_exchanged = 3;
    CHECK_RC(hcall_memory_op(XENMEM_exchange, &x), -XEN_EINVAL);
}

/* Continuation state that a guest may make up: where memory_op shall go on. */
KIT_TEST(memory_op_start_extent)
{
    unsigned long list[8];
    struct xen_memory_reservation r = {.nr_extents = 4, .domid = DOMID_SELF};
    struct xen_memory_domain d = {.domid = DOMID_SELF};
    long before = hcall_memory_op(XENMEM_current_reservation, &d);

    for (unsigned i = 0; i < 8; i++)
        list[i] = 0x100000 + i;
    set_xen_guest_handle(r.extent_start, list);
    CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap | 3 << 6, &r), 4); /* the fourth only */
    CHECK_EQ(hcall_memory_op(XENMEM_current_reservation, &d), before + 1);
    CHECK_EQ(list[0], 0x100000);
    CHECK_EQ(hcall_memory_op(XENMEM_decrease_reservation | 3 << 6, &r), 4);
    CHECK_EQ(hcall_memory_op(XENMEM_current_reservation, &d), before);
    /* Beyond the end: the start comes back. Commands that are never continued refuse one. */
    CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap | 5 << 6, &r), 5);
    CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap | 0xffffUL << 6, &r), 0xffff);
    CHECK_RC(hcall_memory_op(XENMEM_maximum_ram_page | 1 << 6, NULL), -XEN_EINVAL);
    CHECK_RC(hcall_memory_op(XENMEM_current_reservation | 1 << 6, &d), -XEN_EINVAL);
    CHECK_EQ(hcall_memory_op(XENMEM_current_reservation, &d), before);
}

/*
 * Random calls with random arguments. Left out is what may end the domain, block it, or change memory that the test
 * stands on (a random frame number is all too often one of our own; a grant copy from zeroed fields copies within the
 * domain): those have tests of their own.
 */
KIT_TEST(random_calls)
{
    static const uint8_t ops[] = {2, 14, 17, 21, 22, 32, 35, 36, 42};
    static uint64_t memory[512 * 3] __aligned(4096);
    uint64_t args[5];

    for (unsigned i = 0; i < 3000; i++) {
        unsigned op = ops[kit_random_below(ARRAY_SIZE(ops))];

        for (unsigned j = 0; j < 64; j++)
            memory[kit_random_below(512)] = kit_random() >> kit_random_below(64);
        for (unsigned j = 0; j < 5; j++) {
            switch (kit_random_below(4)) {
            case 0:
                args[j] = (uintptr_t)memory + kit_random_below(4000);
                break;
            case 1:
                args[j] = kit_random_below(64);
                break;
            case 2:
                args[j] = kit_random() >> kit_random_below(64);
                break;
            default:
                args[j] = HYPERVISOR_VIRT_START + (kit_random() >> 18);
            }
        }
        if (op == 14 || op == 22)
            args[0] = (uintptr_t)memory; /* only this page's mapping may change */
        (void)kit_hypercall5(op, args[0], args[1], args[2], args[3], args[4]);
        if (op == 14 || op == 22)
            CHECK_RC(kit_set_rw(memory), 0);
    }
    CHECK_EQ(hcall_xen_version(XENVER_version, NULL), 4 << 16 | 17);
}
