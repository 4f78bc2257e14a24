/* SPDX-License-Identifier: MIT */
/*
 * Boot options have their effect. The whole area is booted with them:
 * GUEST-GROUP: smp=2 cpu=max,-smap dom0=64M,min:80M,max:96M xen=cpuid=no-avx,no-rdrand;conring_size=16k;sched=credit;sched_credit_tslice_ms=7;sched_ratelimit_us=500;dom0_max_vcpus=3-4
 */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

#include <xen/sysctl.h>

static long sysctl(uint32_t cmd, struct xen_sysctl *op)
{
    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)op);
}

/* dom0_mem=64M,min:80M,max:96M: too little is raised to the least, and the most is the domain's limit. */
KIT_TEST(dom0_mem)
{
    domid_t self = DOMID_SELF;

    CHECK_EQ(kit_start_info->nr_pages, 80 << 8);
    CHECK_EQ(hcall_memory_op(XENMEM_maximum_reservation, &self), 96 << 8);
}

/* dom0_max_vcpus=3-4 on two processors. */
KIT_TEST(dom0_max_vcpus)
{
    CHECK_RC(hcall_vcpu_op(VCPUOP_is_up, 2, NULL), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_is_up, 3, NULL), -XEN_ENOENT);
}

/* cpuid=no-avx,no-rdrand: gone, with what needs them; what was not named is there. */
KIT_TEST(cpuid)
{
    struct kit_cpuid native = kit_cpuid_native(1, 0), shown = kit_cpuid(1, 0);

    CHECK_OR_RETURN(native.c & 1U << 28 && native.c & 1U << 30);
    CHECK_EQ(shown.c & (1U << 28 | 1U << 30), 0);
    CHECK_EQ(shown.c & (1U << 12 | 1U << 29), 0); /* FMA, F16C */
    CHECK(shown.c & 1U << 26);                    /* XSAVE */
    native = kit_cpuid_native(7, 0);
    shown = kit_cpuid(7, 0);
    CHECK(native.b & 1U << 5);
    CHECK_EQ(shown.b & 1U << 5, 0);                  /* AVX2 */
    CHECK_EQ(shown.b & 1U << 8, native.b & 1U << 8); /* BMI2 */
}

/* sched_credit_tslice_ms=7, sched_ratelimit_us=500. */
KIT_TEST(credit_slice)
{
    static struct xen_sysctl op;

    memset(&op, 0, sizeof(op));
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT;
    op.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
    CHECK_RC(sysctl(XEN_SYSCTL_scheduler_op, &op), 0);
    CHECK_EQ(op.u.scheduler_op.u.sched_credit.tslice_ms, 7);
    CHECK_EQ(op.u.scheduler_op.u.sched_credit.ratelimit_us, 500);
}

/* conring_size=16k: that much is kept of what was said, and no more. */
KIT_TEST(conring_size)
{
    static char buf[64 * 1024], key[] = "h";
    static struct xen_sysctl op;

    for (unsigned i = 0; i < 200; i++) {
        memset(&op, 0, sizeof(op));
        set_xen_guest_handle(op.u.debug_keys.keys, key);
        op.u.debug_keys.nr_keys = 1;
        CHECK_RC(sysctl(XEN_SYSCTL_debug_keys, &op), 0);
        hcall_sched_op(SCHEDOP_yield, NULL);
        memset(&op, 0, sizeof(op));
        set_xen_guest_handle(op.u.readconsole.buffer, buf);
        op.u.readconsole.count = sizeof(buf);
        CHECK_RC(sysctl(XEN_SYSCTL_readconsole, &op), 0);
        if (op.u.readconsole.count >= 16 * 1024)
            break;
    }
    CHECK_EQ(op.u.readconsole.count, 16 * 1024);
}
