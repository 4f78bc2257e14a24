/* SPDX-License-Identifier: MIT */
/* What RDTSCP gives beside the time, and single steps over an emulated RDTSC. */
#include "tscmode.h"
#include <kit/trap.h>

static inline __attribute__((always_inline)) uint32_t rdtscp_aux(void)
{
    uint32_t aux;

    __asm__ volatile("rdtscp" : "=c"(aux)::"rax", "rdx");
    return aux;
}

/* A register of 32 bits, of the guest's; the TSC itself is not to be written. */
KIT_TEST(aux_register)
{
    uint64_t value;

    CHECK_NO_FAULT(kit_rdmsr(MSR_TSC_AUX, &value));
    CHECK_EQ(value, 0);
    CHECK_NO_FAULT(kit_wrmsr(MSR_TSC_AUX, 0xfedcba98));
    CHECK_NO_FAULT(kit_rdmsr(MSR_TSC_AUX, &value));
    CHECK_EQ(value, 0xfedcba98);
    CHECK_EQ(rdtscp_aux(), 0xfedcba98);
    CHECK_FAULT(kit_wrmsr(MSR_TSC_AUX, 1UL << 32), 13, 0);
    CHECK_FAULT(kit_wrmsr(MSR_TSC, 0), 13, 0);
    CHECK_EQ(rdtscp_aux(), 0xfedcba98);
    CHECK_NO_FAULT(kit_wrmsr(MSR_TSC_AUX, 0));
}

/* Sets it, and sees whether it stays, while others run in between. */
KIT_PROGRAM static void keep_aux(unsigned long value, unsigned long times)
{
    uint32_t lo = (uint32_t)value, hi = 0;
    uint64_t lost = 0;

    KIT_PUPPET_WORDS[0] = rdtscp_aux();
    __asm__ volatile("wrmsr" ::"c"(MSR_TSC_AUX), "a"(lo), "d"(hi));
    while (times--) {
        kit_program_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
        lost += rdtscp_aux() != value;
        __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(MSR_TSC_AUX));
        lost += lo != value || hi;
    }
    KIT_PUPPET_WORDS[1] = lost;
}

/* On one processor with another domain that has its own there. */
KIT_TEST(aux_of_each)
{
    uint64_t lost = 0, deadline;

    CHECK_NO_FAULT(kit_wrmsr(MSR_TSC_AUX, 5));
    for (uint32_t mode = MODE_EMULATE; mode <= MODE_NATIVE; mode++) {
        CHECK_OR_RETURN(make_puppet());
        CHECK_RC(kit_domain_pin(puppet.id, 0, 1), 0);
        CHECK_RC(set_tsc(puppet.id, mode, HOST_KHZ, 0, 0), 0);
        words[0] = words[1] = ~0UL;
        kit_puppet_run(&puppet, keep_aux, 7, 100);
        deadline = kit_time_ns() + 5 * KIT_S;
        while (!kit_puppet_is_idle(&puppet) && kit_time_ns() < deadline) {
            hcall_sched_op(SCHEDOP_yield, NULL);
            lost += rdtscp_aux() != 5;
        }
        CHECK_EQ(lost, 0);
        CHECK_EQ(words[0], 0); /* not what another one left */
        CHECK_EQ(words[1], 0);
        end_puppet();
    }
    CHECK_NO_FAULT(kit_wrmsr(MSR_TSC_AUX, 0));
}

static volatile uint64_t steps[16];
static volatile unsigned step_count;

static bool on_step(struct kit_regs *regs)
{
    if (step_count < ARRAY_SIZE(steps))
        steps[step_count++] = regs->rip;
    return true;
}

static __attribute__((__noinline__)) void step_over_rdtsc(void)
{
    step_count = 0;
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop\n\trdtsc\n\tnop\n\tpushfq\n\t"
                     "andq $~0x100, (%%rsp)\n\tpopfq\n\tnop" ::
                         : "rax", "rdx", "memory", "cc");
}

/* Who goes step by step sees no difference between an instruction that was emulated and one that was not. */
KIT_TEST(single_steps)
{
    uint64_t native[ARRAY_SIZE(steps)], cr4 = 0, dr6 = 0;
    unsigned count;

    kit_trap_hook(1, on_step);
    step_over_rdtsc();
    count = step_count;
    for (unsigned i = 0; i < count; i++)
        native[i] = steps[i];
    CHECK(count >= 6);
    CHECK_NO_FAULT(KIT_PROBE("mov %%cr4, %0", "+r"(cr4)));
    CHECK_NO_FAULT(KIT_PROBE("mov %0, %%dr6", : "r"(0xffff0ff0UL)));
    CHECK_NO_FAULT(KIT_PROBE("mov %0, %%cr4", : "r"(cr4 | CR4_TSD)));
    step_over_rdtsc();
    CHECK_NO_FAULT(KIT_PROBE("mov %0, %%cr4", : "r"(cr4)));
    CHECK_NO_FAULT(KIT_PROBE("mov %%dr6, %0", "+r"(dr6)));
    CHECK_EQ(dr6, 0xffff4ff0);
    CHECK_EQ(step_count, count);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(steps[i], native[i]);
    kit_trap_hook(1, NULL);
}

static xen_domctl_vcpu_msr_t msrs[8];

static long vcpu_msrs(unsigned cmd, void *list, uint32_t count)
{
    memset(&control, 0, sizeof(control));
    control.u.vcpu_msrs.msr_count = count;
    set_xen_guest_handle(control.u.vcpu_msrs.msrs, list);
    return kit_domctl(cmd, puppet.id, &control);
}

static long set_msrs(uint32_t index, uint32_t reserved, uint64_t value, uint32_t count)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++)
        msrs[i] = (xen_domctl_vcpu_msr_t){.index = MSR_TSC_AUX, .value = i + 1};
    msrs[1] = (xen_domctl_vcpu_msr_t){.index = index, .reserved = reserved, .value = value};
    return vcpu_msrs(XEN_DOMCTL_set_vcpu_msrs, msrs, count);
}

/* The register goes with a domain that is moved. */
KIT_TEST(aux_of_a_moved_domain)
{
    CHECK_OR_RETURN(make_puppet());
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_get_vcpu_msrs, NULL, 0), 0);
    CHECK(control.u.vcpu_msrs.msr_count >= 1);
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_get_vcpu_msrs, msrs, 8), 0);
    CHECK_EQ(control.u.vcpu_msrs.msr_count, 0);
    CHECK(run_program(keep_aux, 7, 3));
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_get_vcpu_msrs, msrs, 0), -XEN_ENOBUFS);
    CHECK_EQ(control.u.vcpu_msrs.msr_count, 1);
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_get_vcpu_msrs, (void *)0x1000, 8), -XEN_EFAULT);
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_get_vcpu_msrs, msrs, 8), 0);
    CHECK_EQ(control.u.vcpu_msrs.msr_count, 1);
    CHECK_EQ(msrs[0].index, MSR_TSC_AUX);
    CHECK_EQ(msrs[0].reserved, 0);
    CHECK_EQ(msrs[0].value, 7);
    CHECK_RC(set_msrs(MSR_TSC_AUX, 0, 99, 2), 0);
    CHECK(run_program(keep_aux, 0x77, 1));
    CHECK_EQ(words[0], 99);
    CHECK_RC(set_msrs(MSR_TSC_AUX, 0, 1UL << 32, 3), -XEN_EINVAL);
    CHECK_EQ(control.u.vcpu_msrs.msr_count, 1);
    CHECK_RC(set_msrs(MSR_TSC_AUX, 1, 5, 3), -XEN_EINVAL);
    CHECK_RC(set_msrs(MSR_TSC, 0, 5, 3), -XEN_EINVAL);
    CHECK_RC(set_msrs(MSR_TSC_AUX, 0, 5, 8), -XEN_EINVAL); /* too many */
    CHECK_EQ(control.u.vcpu_msrs.msr_count, 8);
    CHECK_RC(vcpu_msrs(XEN_DOMCTL_set_vcpu_msrs, (void *)0x1000, 3), -XEN_EFAULT);
    CHECK_EQ(control.u.vcpu_msrs.msr_count, 0);
    CHECK(run_program(keep_aux, 0x77, 1));
    CHECK_EQ(words[0], 1); /* the first one each time */
    end_puppet();
}
