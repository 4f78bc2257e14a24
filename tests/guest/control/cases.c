/* SPDX-License-Identifier: MIT */
/* Arguments that mean something, where sweep.c's do not: what a PV domain has not, or has in part, answers as Debian's Xen does. */
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>

static struct xen_domctl op;
static domid_t id;

/* Result of a command with some fields of the argument set. */
#define DO(cmd, domain, ...)                                                                                 \
    ({                                                                                                       \
        memset(&op, 0, sizeof(op));                                                                          \
        __VA_ARGS__;                                                                                         \
        kit_domctl(XEN_DOMCTL_##cmd, domain, &op);                                                           \
    })

KIT_TEST(watching)
{
    CHECK_OR_RETURN(!kit_domain_create(1, 16, &id));
    CHECK_RC(DO(monitor_op, id, op.u.monitor_op.op = 2, op.u.monitor_op.event = ~0u), 0);
    CHECK_EQ(op.u.monitor_op.event, 0);
    CHECK_RC(DO(monitor_op, id, op.u.monitor_op.op = 3), -XEN_EINVAL);
    CHECK_RC(DO(monitor_op, id, op.u.monitor_op.op = 4), 0);
    CHECK_RC(DO(monitor_op, id, op.u.monitor_op.op = 5), -XEN_EOPNOTSUPP);
    CHECK_RC(DO(monitor_op, 0, op.u.monitor_op.op = 2), -XEN_EPERM);
    /* Not the other modes: enabling the monitor's ring on a PV domain makes Debian's Xen 4.17.7 panic. */
    CHECK_RC(DO(vm_event_op, id, op.u.vm_event_op.op = 3), 0);
    CHECK_EQ(op.u.vm_event_op.u.version, 7);
    CHECK_RC(DO(vm_event_op, 0, op.u.vm_event_op.op = 3), 0);
    CHECK_RC(DO(vm_event_op, id, op.u.vm_event_op.op = 4), -XEN_ENOSYS);
    CHECK_RC(DO(vm_event_op, id, op.u.vm_event_op.mode = 1), -XEN_ENOSYS);
    CHECK_RC(DO(shadow_op, id, op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), -XEN_EOPNOTSUPP);
    CHECK_RC(DO(shadow_op, id, op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_CLEAN, op.u.shadow_op.pages = 8,
                op.u.shadow_op.stats.fault_count = 5),
             0);
    CHECK_EQ(op.u.shadow_op.pages, 8);
    CHECK_EQ(op.u.shadow_op.stats.fault_count, 0);
    CHECK_RC(DO(shadow_op, id, op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_PEEK), 0);
    CHECK_RC(DO(shadow_op, id, op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_ENABLE_TEST), -XEN_EINVAL);
    CHECK_RC(DO(shadow_op, id, op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION), -XEN_EINVAL);
    CHECK_RC(DO(shadow_op, 0, op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_CLEAN), -XEN_EINVAL);
    CHECK(kit_domain_gone(id));
}

#define MAP op.u.memory_mapping

/* A PV kernel maps for itself: there is nothing to do but to look at the numbers. */
KIT_TEST(memory_mapping)
{
    CHECK_OR_RETURN(!kit_domain_create(1, 16, &id));
    CHECK_RC(DO(memory_mapping, id, MAP.first_mfn = 0xfd000, MAP.nr_mfns = 100000, MAP.add_mapping = 1), 0);
    CHECK_RC(DO(memory_mapping, id, MAP.first_mfn = 0xfee00, MAP.nr_mfns = 1), 0);
    CHECK_RC(DO(memory_mapping, 0, MAP.first_mfn = 0x2000, MAP.nr_mfns = 1, MAP.add_mapping = 2), 0);
    CHECK_RC(DO(memory_mapping, id, MAP.first_mfn = 0xfd000), -XEN_EINVAL);
    CHECK_RC(DO(memory_mapping, id, MAP.first_mfn = 1UL << 28, MAP.nr_mfns = 1), -XEN_EINVAL);
    CHECK_RC(DO(memory_mapping, id, MAP.first_mfn = ~0UL, MAP.nr_mfns = 1), -XEN_EINVAL);
    CHECK_RC(DO(memory_mapping, id, MAP.first_gfn = ~0UL, MAP.nr_mfns = 1), 0);
    CHECK_RC(DO(memory_mapping, id, MAP.first_gfn = ~0UL, MAP.nr_mfns = 2), -XEN_EINVAL);
    CHECK(kit_domain_gone(id));
}

KIT_TEST(devices_of_nobody)
{
    CHECK_RC(DO(test_assign_device, DOMID_INVALID), -XEN_EOPNOTSUPP);
    CHECK_RC(DO(test_assign_device, DOMID_IO), -XEN_ESRCH);
    CHECK_RC(DO(test_assign_device, DOMID_SELF), -XEN_ESRCH);
    CHECK_RC(DO(assign_device, DOMID_IO), -XEN_EOPNOTSUPP);
    CHECK_RC(DO(assign_device, DOMID_INVALID), -XEN_ESRCH);
    CHECK_RC(DO(deassign_device, DOMID_IO), -XEN_EOPNOTSUPP);
}

#define AFFINITY(c, f, with_hard, with_soft)                                                                 \
    DO(c, id, op.u.vcpuaffinity.flags = f; give_maps(with_hard, with_soft))

static void give_maps(bool with_hard, bool with_soft)
{
    static uint64_t hard, soft;

    hard = soft = 3;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = op.u.vcpuaffinity.cpumap_soft.nr_bits = 64;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, with_hard ? (uint8_t *)&hard : NULL);
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_soft.bitmap, with_soft ? (uint8_t *)&soft : NULL);
}

/* Flags that mean nothing are none; but there must be some flag. What is named has a map. */
KIT_TEST(affinity_arguments)
{
    CHECK_OR_RETURN(!kit_domain_create(1, 16, &id));
    for (uint32_t flags = 0; flags < 17; flags++) {
        int rc = flags ? 0 : -XEN_EINVAL;

        CHECK_RC(AFFINITY(setvcpuaffinity, flags, true, true), rc);
        CHECK_RC(AFFINITY(getvcpuaffinity, flags, true, true), rc);
        CHECK_RC(AFFINITY(setvcpuaffinity, flags, false, true), flags & 1 ? -XEN_EINVAL : rc);
        CHECK_RC(AFFINITY(getvcpuaffinity, flags, false, true), flags & 1 ? -XEN_EINVAL : rc);
        CHECK_RC(AFFINITY(setvcpuaffinity, flags, true, false), flags & 2 ? -XEN_EINVAL : rc);
        CHECK_RC(AFFINITY(getvcpuaffinity, flags, true, false), flags & 2 ? -XEN_EINVAL : rc);
    }
    CHECK(kit_domain_gone(id));
}

KIT_TEST(more_arguments)
{
    static const struct {
        uint32_t trigger;
        int rc;
    } triggers[] = {{1, -XEN_ENOSYS}, {2, -XEN_ENOSYS}, {3, -XEN_EINVAL}, {4, -XEN_EINVAL}, {5, -XEN_ENOSYS}};
    static const int64_t offsets[] = {1L << 31, -(1L << 31), 1L << 40, 1L << 62, 0};
    void *page = kit_page_alloc();

    CHECK_OR_RETURN(page && !kit_domain_create(2, 16, &id));
    for (unsigned i = 0; i < ARRAY_SIZE(triggers); i++)
        for (uint32_t vcpu = 0; vcpu < 3; vcpu++)
            CHECK_RC(DO(sendtrigger, id, op.u.sendtrigger.trigger = triggers[i].trigger,
                        op.u.sendtrigger.vcpu = vcpu),
                     vcpu < 2 ? triggers[i].rc : -XEN_ESRCH);
    for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++)
        CHECK_RC(DO(settimeoffset, id, op.u.settimeoffset.time_offset_seconds = offsets[i]), 0);
    for (uint32_t cmd = 0; cmd < 12; cmd++)
        CHECK_RC(DO(psr_alloc, id, op.u.psr_alloc.cmd = cmd), cmd < 10 ? -XEN_ENODEV : -XEN_EOPNOTSUPP);
    CHECK_RC(DO(set_address_size, id, op.u.address_size.size = 32), -XEN_EOPNOTSUPP);
    CHECK_RC(DO(set_address_size, id, op.u.address_size.size = 16), -XEN_EINVAL);
    CHECK_RC(DO(createdomain, id, op.u.createdomain.max_vcpus = 1), -XEN_EEXIST);
    CHECK_RC(DO(createdomain, 4444, op.u.createdomain.flags = 0x80000000), -XEN_EINVAL);
    CHECK_RC(DO(getdomaininfo, 4444), -XEN_ESRCH);
    CHECK_RC(DO(hypercall_init, id, op.u.hypercall_init.gmfn = 0x2000), -XEN_EINVAL);
    CHECK_RC(DO(hypercall_init, 0, op.u.hypercall_init.gmfn = 0xfd000), -XEN_EINVAL);
    CHECK_RC(DO(hypercall_init, 0, op.u.hypercall_init.gmfn = kit_root_mfn), -XEN_EPERM);
    CHECK_RC(DO(hypercall_init, 0, op.u.hypercall_init.gmfn = kit_mfn_of(page)), 0);
    CHECK_RC(DO(getvcpucontext, id, op.u.vcpucontext.vcpu = 2), -XEN_EINVAL);
    CHECK_RC(DO(setvcpucontext, id, op.u.vcpucontext.vcpu = 2), -XEN_EINVAL);
    CHECK_RC(DO(getvcpuinfo, id, op.u.getvcpuinfo.vcpu = 2), -XEN_EINVAL);
    CHECK(kit_domain_gone(id));
    kit_page_free(page);
}
