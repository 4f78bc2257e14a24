/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine checks from banks, which are a table here, to what domain 0 fetches, taken apart with the header's own macros as Linux does it: layout, order, acknowledgement,
 * urgent and not, more than there is room for, VIRQ_MCA, 32-bit callers, a caller whose memory is not there.
 * UNIT-SOURCES: tests/unit/support/alloc.c abi/codec.c hypervisor/core/guest_abi.c hypervisor/arch/x86/mca/record.c hypervisor/arch/x86/mca/hypercall.c hypervisor/arch/x86/mca/banks.c
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "arch/x86/apic/apic.h"
#include "arch/x86/cpu_policy.h"
#include "arch/x86/mca/mca.h"
#include "arch/x86/traps.h"
#include "core/guest_abi.h"
#include "drivers/console.h"
#include "event/event.h"
#include "hv/errno.h"
#include "hv/log.h"
#include "hv/percpu.h"
#include "hv/time.h"

#define CPUS     3
#define BANKS    4
#define CAP      (BANKS | 1 << 8) /* MCG_CAP: how many, and MCG_CTL is there (SDM 3B 15.3.1.1) */
#define NOWHERE  0x1000UL
#define VALID    (1ULL << 63)
#define OVERFLOW (1ULL << 62)
#define UC       (1ULL << 61)
#define EN       (1ULL << 60)
#define MISCV    (1ULL << 59)
#define ADDRV    (1ULL << 58)
#define PCC      (1ULL << 57)
#define RIPV     1ULL

/* --- The machine. --- */

unsigned int hosted_cpu, cpu_count = CPUS;
cpumask_t cpu_online_mask;
uint32_t cpu_apic_id[MAX_CPUS] = {8, 10, 12}; /* the boot processor's need not be 0 */
struct cpu_policy raw_policy, host_policy;
bool (*machine_check_handler)(struct cpu_user_regs *r);

static struct {
    uint64_t capabilities, status, control;
    uint64_t bank[BANKS][4]; /* control, status, address, misc */
    bool absent[BANKS][4];
} msrs;
static unsigned int virqs, timers;
static struct timer *timer[CPUS];
static struct tasklet *waiting;
static char said[512];

static uint64_t *msr_at(uint32_t msr)
{
    uint32_t at = msr - MSR_MC0_CTL;

    if (msr == MSR_MCG_CAP)
        return &msrs.capabilities;
    if (msr == MSR_MCG_STATUS)
        return &msrs.status;
    if (msr == MSR_MCG_CTL)
        return &msrs.control;
    return at < 4 * BANKS && !msrs.absent[at / 4][at % 4] ? &msrs.bank[at / 4][at % 4] : NULL;
}

int rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint64_t *at = msr_at(msr);

    *value = at ? *at : 0;
    return at ? 0 : -EFAULT;
}

int wrmsr_safe(uint32_t msr, uint64_t value)
{
    uint64_t *at = msr_at(msr);

    if (at)
        *at = value;
    return at ? 0 : -EFAULT;
}

bool cpu_policy_has(const struct cpu_policy *p, unsigned int feature)
{
    return true;
}

void event_send_global_virq(unsigned int virq)
{
    assert_int_equal(virq, VIRQ_MCA);
    virqs++;
}

void tasklet_init(struct tasklet *t, void (*function)(void *data), void *data)
{
    *t = (struct tasklet){.function = function, .data = data};
}

void tasklet_schedule_cpu(struct tasklet *t, unsigned int cpu)
{
    waiting = t;
}

static void (*softirq)(void);
static bool raised, kicked;

void softirq_register(enum softirq n, void (*handler)(void))
{
    assert_int_equal(n, SOFTIRQ_MACHINE_CHECK);
    softirq = handler;
}

void softirq_raise(enum softirq n)
{
    assert_int_equal(n, SOFTIRQ_MACHINE_CHECK);
    raised = true;
}

void apic_kick_self(void)
{
    kicked = true;
}

void console_force_unlock(void)
{
}

static void run_softirq(void)
{
    assert_true(raised && kicked);
    raised = kicked = false;
    softirq();
}

static void run_tasklet(void)
{
    struct tasklet *t = waiting;

    waiting = NULL;
    if (t)
        t->function(t->data);
}

s_time_t time_now(void)
{
    return 5 * NS_PER_S;
}

void timer_init(struct timer *t, void (*function)(void *data), void *data, unsigned int cpu)
{
    *t = (struct timer){.function = function, .data = data, .cpu = (uint16_t)cpu};
    timer[cpu] = t;
}

void timer_set(struct timer *t, s_time_t expires)
{
    assert_true(expires > time_now());
    timers++;
}

void log_printf(enum log_level level, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(said, sizeof(said), fmt, args);
    va_end(args);
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t bytes)
{
    if (src.addr <= NOWHERE)
        return -EFAULT;
    memcpy(dst, (const void *)src.addr, bytes);
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t bytes)
{
    if (dst.addr <= NOWHERE)
        return -EFAULT;
    memcpy((void *)dst.addr, src, bytes);
    return 0;
}

/* --- Domain 0. --- */

static struct mc_info info;

static long call_as(enum hypercall_caller caller, void *mc)
{
    struct hypercall hc = {.arg = {(uintptr_t)mc}, .caller = (uint8_t)caller};

    return do_mca(&hc);
}

static struct xen_mc fetch_call(uint32_t flags, uint64_t id, void *data)
{
    struct xen_mc mc = {.cmd = XEN_MC_fetch, .interface_version = XEN_MCA_INTERFACE_VERSION};

    mc.u.mc_fetch.flags = flags;
    mc.u.mc_fetch.fetch_id = id;
    *(void **)&mc.u.mc_fetch.data = data;
    return mc;
}

/* The id of what was fetched, 0 if there was nothing. */
static uint64_t fetch(uint32_t flags)
{
    struct xen_mc mc = fetch_call(flags, 0, &info);

    memset(&info, 0x5a, sizeof(info));
    assert_int_equal(call_as(CALLER_PV64, &mc), 0);
    if (mc.u.mc_fetch.flags == XEN_MC_NODATA) {
        assert_int_equal(mc.u.mc_fetch.fetch_id, 0);
        return 0;
    }
    assert_int_equal(mc.u.mc_fetch.flags, XEN_MC_OK);
    assert_int_not_equal(mc.u.mc_fetch.fetch_id, 0);
    return mc.u.mc_fetch.fetch_id;
}

static void acknowledge(uint32_t flags, uint64_t id)
{
    struct xen_mc mc = fetch_call(flags | XEN_MC_ACK, id, NULL);

    assert_int_equal(call_as(CALLER_PV64, &mc), 0);
}

static const struct mcinfo_global *global_part(void)
{
    struct mcinfo_common *part;

    x86_mcinfo_lookup(part, &info, MC_TYPE_GLOBAL);
    assert_non_null(part);
    assert_int_equal(part->size, sizeof(struct mcinfo_global));
    return (const void *)part;
}

static const struct mcinfo_bank *bank_part(void)
{
    struct mcinfo_common *part;

    x86_mcinfo_lookup(part, &info, MC_TYPE_BANK);
    assert_non_null(part);
    assert_int_equal(part->size, sizeof(struct mcinfo_bank));
    return (const void *)part;
}

static void record(unsigned int bank, uint32_t flags)
{
    mca_record_error(bank, VALID | bank, 0x1000 * bank, 0, 0, flags);
}

static unsigned int lost(void)
{
    unsigned int n = ~0u;

    mca_dump();
    assert_int_equal(sscanf(said, "Machine checks logged but not kept for domain 0: %u", &n), 1);
    return n;
}

static int setup(void **state)
{
    static uint64_t newest = 100;
    uint64_t id;

    hosted_cpu = 0;
    for (unsigned int cpu = 0; cpu < CPUS; cpu++)
        cpumask_set(cpu, &cpu_online_mask);
    memset(&msrs, 0, sizeof(msrs));
    msrs.capabilities = CAP;
    do {
        id = mca_fetch(false, &info) ?: mca_fetch(true, &info);
        newest = max(newest, id);
    } while (id);
    for (id = 1; id <= newest; id++) /* these, and what the last test has left fetched */
        (void)mca_acknowledge(id);
    virqs = 0;
    waiting = NULL;
    return 0;
}

/* --- What is fetched. --- */

static void layout(void **state)
{
    const struct mcinfo_global *g;
    const struct mcinfo_bank *b;
    struct mcinfo_common *extended;
    const uint8_t *rest, *end = (const uint8_t *)(&info + 1);

    hosted_cpu = 2;
    mca_record_error(3, 0x8c00004000101234, 0x123456789000, 0x8877665544332211, 0xf00d,
                     MC_FLAG_CORRECTABLE | MC_FLAG_POLLED);
    assert_int_not_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(info.flags, 0);
    assert_int_equal(x86_mcinfo_nentries(&info), 2);
    g = global_part();
    assert_ptr_equal(g, x86_mcinfo_first(&info));
    assert_int_equal(g->mc_domid, DOMID_INVALID);
    assert_int_equal(g->mc_vcpuid, XEN_MC_VCPUID_INVALID);
    assert_int_equal(g->mc_coreid, 2);
    assert_int_equal(g->mc_core_threadid, 0);
    assert_int_equal(g->mc_socketid, 0);
    assert_int_equal(g->mc_apicid, 12); /* by which Linux finds the processor in XEN_MC_physcpuinfo */
    assert_int_equal(g->mc_flags, MC_FLAG_CORRECTABLE | MC_FLAG_POLLED);
    assert_int_equal(g->mc_gstatus, 0xf00d);
    b = bank_part();
    assert_ptr_equal(b, x86_mcinfo_next(x86_mcinfo_first(&info)));
    assert_int_equal(b->mc_bank, 3);
    assert_int_equal(b->mc_domid, DOMID_INVALID);
    assert_int_equal(b->mc_status, 0x8c00004000101234);
    assert_int_equal(b->mc_addr, 0x123456789000);
    assert_int_equal(b->mc_misc, 0x8877665544332211);
    assert_int_equal(b->mc_ctrl2, 0);
    assert_int_not_equal(b->mc_tsc, 0);
    x86_mcinfo_lookup(extended, &info, MC_TYPE_EXTENDED);
    assert_null(extended); /* there are no registers to tell */
    /* Linux goes on after the last one until a size is 0; and nothing of ours may leak. */
    for (rest = (const uint8_t *)x86_mcinfo_next(&b->common); rest < end; rest++)
        assert_int_equal(*rest, 0);
}

static void order_and_acknowledgement(void **state)
{
    uint64_t first, second;

    record(1, MC_FLAG_CORRECTABLE);
    record(2, MC_FLAG_CORRECTABLE);
    first = fetch(XEN_MC_NONURGENT);
    assert_int_equal(bank_part()->mc_bank, 1);
    assert_false(mca_acknowledge(first + 1)); /* not fetched yet */
    second = fetch(XEN_MC_NONURGENT);
    assert_int_equal(bank_part()->mc_bank, 2);
    assert_true(second > first);
    assert_int_equal(fetch(XEN_MC_NONURGENT), 0); /* each is given once */
    acknowledge(XEN_MC_NONURGENT, second);
    assert_false(mca_acknowledge(second));
    assert_true(mca_acknowledge(first));
    acknowledge(XEN_MC_NONURGENT, first);
    acknowledge(XEN_MC_NONURGENT, 0);
    assert_int_equal(fetch(XEN_MC_NONURGENT), 0);
}

static void urgent_and_not(void **state)
{
    record(1, MC_FLAG_CORRECTABLE | MC_FLAG_POLLED);
    record(2, MC_FLAG_UNCORRECTABLE | MC_FLAG_MCE);
    record(3, MC_FLAG_UNCORRECTABLE | MC_FLAG_RESET);
    assert_int_not_equal(fetch(XEN_MC_URGENT), 0);
    assert_int_equal(bank_part()->mc_bank, 2);
    assert_int_equal(fetch(XEN_MC_URGENT), 0);
    assert_int_not_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(bank_part()->mc_bank, 1);
    assert_int_not_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(bank_part()->mc_bank, 3);
}

/* What comes when there is no room is counted; what is fetched keeps its place until it is acknowledged, and the oldest still comes first when places are taken again. */
static void no_room(void **state)
{
    unsigned int before = lost();
    uint64_t id;

    for (unsigned int i = 0; i < MCA_RECORDS + 2; i++)
        record(i, MC_FLAG_CORRECTABLE);
    assert_int_equal(lost() - before, 2);
    id = fetch(XEN_MC_NONURGENT);
    assert_int_equal(bank_part()->mc_bank, 0);
    record(40, MC_FLAG_CORRECTABLE);
    assert_int_equal(lost() - before, 3);
    acknowledge(XEN_MC_NONURGENT, id);
    record(41, MC_FLAG_CORRECTABLE); /* into the first place, but it is the youngest */
    assert_int_equal(lost() - before, 3);
    for (unsigned int i = 1; i < MCA_RECORDS; i++) {
        assert_int_not_equal(fetch(XEN_MC_NONURGENT), 0);
        assert_int_equal(bank_part()->mc_bank, i);
    }
    assert_int_not_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(bank_part()->mc_bank, 41);
    assert_int_equal(fetch(XEN_MC_NONURGENT), 0);
}

/* --- The hypercall. --- */

static void refusals(void **state)
{
    struct xen_mc mc = fetch_call(XEN_MC_NONURGENT, 0, &info);

    assert_int_equal(call_as(CALLER_PV64, (void *)NOWHERE), -EFAULT);
    mc.interface_version++;
    assert_int_equal(call_as(CALLER_PV64, &mc), -EACCES);
    for (uint32_t cmd = 0; cmd < 9; cmd++) {
        mc = fetch_call(XEN_MC_NONURGENT, 0, &info);
        mc.cmd = cmd;
        if (cmd != XEN_MC_fetch && cmd != XEN_MC_physcpuinfo)
            assert_int_equal(call_as(CALLER_PV64, &mc), -EINVAL);
    }
    for (uint32_t flags = 0; flags < 16; flags++) {
        mc = fetch_call(flags, 0, &info);
        if ((flags & ~(uint32_t)XEN_MC_ACK) != XEN_MC_NONURGENT &&
            (flags & ~(uint32_t)XEN_MC_ACK) != XEN_MC_URGENT)
            assert_int_equal(call_as(CALLER_PV64, &mc), -EINVAL);
    }
    mc = fetch_call(XEN_MC_NONURGENT, 0, NULL);
    assert_int_equal(call_as(CALLER_PV64, &mc), -EINVAL);
}

/* Who could not be told of a record has not fetched it. */
static void fetched_in_vain(void **state)
{
    struct xen_mc mc = fetch_call(XEN_MC_NONURGENT, 0, (void *)NOWHERE);

    record(1, MC_FLAG_CORRECTABLE);
    assert_int_equal(call_as(CALLER_PV64, &mc), -EFAULT);
    assert_int_not_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(bank_part()->mc_bank, 1);
}

static void narrow_caller(void **state)
{
    struct abi32_xen_mc mc = {.cmd = XEN_MC_fetch, .interface_version = XEN_MCA_INTERFACE_VERSION};
    uint64_t id;

    mc.u.mc_fetch.flags = XEN_MC_URGENT;
    mc.u.mc_fetch.data =
        NOWHERE; /* 32 bits name nothing of ours: that the record is there is seen by the fault */
    record(1, MC_FLAG_MCE);
    assert_int_equal(call_as(CALLER_PV32, &mc), -EFAULT);
    id = fetch(XEN_MC_URGENT);
    assert_int_not_equal(id, 0);
    mc.u.mc_fetch.flags = XEN_MC_URGENT;
    assert_int_equal(call_as(CALLER_PV32, &mc), 0);
    assert_int_equal(mc.u.mc_fetch.flags, XEN_MC_NODATA);
    mc.u.mc_fetch.flags = XEN_MC_URGENT | XEN_MC_ACK;
    mc.u.mc_fetch.fetch_id = id;
    assert_int_equal(call_as(CALLER_PV32, &mc), 0);
    assert_false(mca_acknowledge(id));
}

static struct xen_mc processors_call(uint32_t room, void *at)
{
    struct xen_mc mc = {.cmd = XEN_MC_physcpuinfo, .interface_version = XEN_MCA_INTERFACE_VERSION};

    mc.u.mc_physcpuinfo.ncpus = room;
    *(void **)&mc.u.mc_physcpuinfo.info = at;
    return mc;
}

static void processors(void **state)
{
    struct mcinfo_logical_cpu cpu[CPUS + 1];
    struct xen_mc mc = processors_call(0, NULL);

    raw_policy.vendor = VENDOR_AMD;
    raw_policy.basic[0] = (struct cpuid_regs){13, 0x68747541, 0x444d4163, 0x69746e65}; /* AuthenticAMD */
    raw_policy.basic[1] = (struct cpuid_regs){0x00a20f12, 0x00000800, 0x11111111, 0x22222222};
    raw_policy.extended[1] = (struct cpuid_regs){0, 0, 0x33333333, 0x44444444};
    memcpy(&raw_policy.extended[2], "A processor that is not there, of no make.", 43);
    assert_int_equal(call_as(CALLER_PV64, &mc), 0);
    assert_int_equal(mc.u.mc_physcpuinfo.ncpus, CPUS);
    for (uint32_t room = 1; room <= CPUS + 1; room++) {
        mc = processors_call(room, cpu);
        memset(cpu, 0x5a, sizeof(cpu));
        assert_int_equal(call_as(CALLER_PV64, &mc), 0);
        assert_int_equal(mc.u.mc_physcpuinfo.ncpus, min(room, (uint32_t)CPUS));
        for (unsigned int i = 0; i < CPUS + 1; i++)
            assert_int_equal(cpu[i].mc_cpunr, i < room && i < CPUS ? i : 0x5a5a5a5a);
    }
    for (unsigned int i = 0; i < CPUS; i++)
        assert_int_equal(cpu[i].mc_apicid, cpu_apic_id[i]);
    assert_int_equal(cpu[0].mc_ncores, CPUS);
    assert_int_equal(cpu[0].mc_ncores_active, CPUS);
    assert_int_equal(cpu[0].mc_cpuid_level, 13);
    assert_int_equal(cpu[0].mc_family, 0x19); /* APM 3, CPUID Fn0000_0001_EAX: 15 + 10 */
    assert_int_equal(cpu[0].mc_model, 0x21);
    assert_int_equal(cpu[0].mc_step, 2);
    assert_int_equal(cpu[0].mc_vendor, 2); /* Linux's X86_VENDOR_AMD */
    assert_string_equal(cpu[0].mc_vendorid, "AuthenticAMD");
    assert_string_equal(cpu[0].mc_brandid, "A processor that is not there, of no make.");
    assert_int_equal(cpu[0].mc_cpu_caps[MC_CAPS_STD_ECX], 0x11111111);
    assert_int_equal(cpu[0].mc_cpu_caps[MC_CAPS_STD_EDX], 0x22222222);
    assert_int_equal(cpu[0].mc_cpu_caps[MC_CAPS_AMD_ECX], 0x33333333);
    assert_int_equal(cpu[0].mc_cpu_caps[MC_CAPS_AMD_EDX], 0x44444444);
    assert_int_equal(cpu[0].mc_cache_alignment, 64);
    assert_int_equal(cpu[0].mc_nmsrvals, 1);
    assert_int_equal(cpu[0].mc_msrvalues[0].reg, MSR_MCG_CAP);
    assert_int_equal(cpu[0].mc_msrvalues[0].value, CAP);
    mc = processors_call(1, (void *)NOWHERE);
    assert_int_equal(call_as(CALLER_PV64, &mc), -EFAULT);
}

/* --- The banks. --- */

static void left_over_from_a_former_life(void **state)
{
    msrs.bank[2][1] = VALID | UC | PCC | 0x17;
    msrs.bank[3][2] = 0x1234; /* no error, whatever else is there */
    msrs.absent[1][0] = msrs.absent[1][1] = true;
    mca_init_cpu();
    assert_int_equal(msrs.bank[2][1], 0);
    assert_int_equal(msrs.bank[0][0], ~0ULL);
    assert_int_equal(msrs.control, ~0ULL);
    assert_int_not_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(global_part()->mc_flags, MC_FLAG_UNCORRECTABLE | MC_FLAG_RESET);
    assert_int_equal(bank_part()->mc_bank, 2);
    assert_int_equal(bank_part()->mc_status, VALID | UC | PCC | 0x17);
    assert_int_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(fetch(XEN_MC_URGENT), 0);
}

static void polled(void **state)
{
    mca_init_cpu();
    timers = 0;
    mca_start_polling();
    assert_int_equal(timers, CPUS);
    timer[1]->function(timer[1]->data);
    assert_int_equal(timers, CPUS + 1); /* again, later */
    assert_null(waiting);
    assert_int_equal(virqs, 0);

    hosted_cpu = 1;
    msrs.bank[0][1] = VALID | ADDRV | 0x9f;
    msrs.bank[0][2] = 0xabc000;
    msrs.bank[0][3] = 0xbad; /* not said to be valid */
    msrs.bank[3][1] = VALID | MISCV | OVERFLOW | 0x8f;
    msrs.bank[3][2] = 0xbad;
    msrs.bank[3][3] = 0x86;
    timer[1]->function(timer[1]->data);
    assert_int_equal(virqs, 0); /* not from within a machine check or a timer */
    run_tasklet();
    assert_int_equal(virqs, 1);
    assert_int_equal(msrs.bank[0][1] | msrs.bank[3][1], 0);
    assert_int_not_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(global_part()->mc_flags, MC_FLAG_CORRECTABLE | MC_FLAG_POLLED);
    assert_int_equal(global_part()->mc_apicid, 10);
    assert_int_equal(bank_part()->mc_bank, 0);
    assert_int_equal(bank_part()->mc_addr, 0xabc000);
    assert_int_equal(bank_part()->mc_misc, 0);
    assert_int_not_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(bank_part()->mc_bank, 3);
    assert_int_equal(bank_part()->mc_addr, 0);
    assert_int_equal(bank_part()->mc_misc, 0x86);
    timer[1]->function(timer[1]->data);
    assert_null(waiting); /* taken once */
}

static sigjmp_buf out;

static void aborted(int number)
{
    siglongjmp(out, 1);
}

/* True if the machine ended. */
static bool machine_check_ends(uint64_t global_status, uint64_t status)
{
    void (*before)(int) = signal(SIGABRT, aborted);
    struct cpu_user_regs regs = {0};
    volatile bool ended = true;

    msrs.status = global_status;
    msrs.bank[1][1] = status;
    if (!sigsetjmp(out, 1)) {
        assert_true(machine_check_handler(&regs));
        ended = false;
    }
    signal(SIGABRT, before);
    return ended;
}

static void machine_check(void **state)
{
    mca_init_cpu();
    mca_start_polling();
    said[0] = 0;
    assert_false(machine_check_ends(RIPV | 4, VALID | UC | ADDRV | 0x9f));
    assert_int_equal(msrs.status,
                     0); /* MCIP left set would shut the processor down at the next one (SDM 3B 15.3.1.2) */
    assert_string_equal(said, ""); /* the handler may have interrupted whoever prints */
    assert_null(waiting);
    run_softirq();
    assert_non_null(strstr(said, "bank 1: status a40000000000009f"));
    run_tasklet();
    assert_int_equal(virqs, 1);
    assert_int_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_not_equal(fetch(XEN_MC_URGENT), 0);
    assert_int_equal(global_part()->mc_flags, MC_FLAG_UNCORRECTABLE | MC_FLAG_MCE);
    assert_int_equal(global_part()->mc_gstatus, RIPV | 4);
    assert_false(machine_check_ends(RIPV | 4, VALID | EN | 0x9f));
    assert_true(machine_check_ends(RIPV | 4, VALID | UC | EN | 0x9f));
    assert_true(machine_check_ends(RIPV | 4, VALID | PCC | 0x9f));
    assert_true(machine_check_ends(4, VALID | 0x9f));
    assert_true(machine_check_ends(4, 0));
    assert_false(machine_check_ends(RIPV, 0)); /* nobody knows why, but nothing is said to be wrong */
    run_softirq();
    assert_non_null(strstr(said, "without a cause"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(layout, setup),
        cmocka_unit_test_setup(order_and_acknowledgement, setup),
        cmocka_unit_test_setup(urgent_and_not, setup),
        cmocka_unit_test_setup(no_room, setup),
        cmocka_unit_test_setup(refusals, setup),
        cmocka_unit_test_setup(fetched_in_vain, setup),
        cmocka_unit_test_setup(narrow_caller, setup),
        cmocka_unit_test_setup(processors, setup),
        cmocka_unit_test_setup(left_over_from_a_former_life, setup),
        cmocka_unit_test_setup(polled, setup),
        cmocka_unit_test_setup(machine_check, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
