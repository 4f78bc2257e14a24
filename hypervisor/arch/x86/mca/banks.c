/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The banks themselves. An MSR that a model leaves out is skipped: every access may fault safely.
 *
 * A machine check may interrupt whoever holds a lock, the console's too. What its handler finds it puts aside, and a softirq of the same processor prints it and tells
 * domain 0; if the machine cannot go on, the console is taken from whoever has it.
 */
#include "arch/x86/mca/mca.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/cpu_policy.h"
#include "arch/x86/traps.h"
#include "drivers/console.h"
#include "event/event.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/percpu.h"
#include "hv/softirq.h"
#include <xen/arch-x86/cpufeatureset.h>

#define CAP_COUNT       0xffu
#define CAP_HAS_CTL     BIT(8)
#define GLOBAL_RIPV     BIT(0)
#define STATUS_VALID    BIT(63)
#define STATUS_OVERFLOW BIT(62)
#define STATUS_UC       BIT(61)
#define STATUS_EN       BIT(60)
#define STATUS_MISCV    BIT(59)
#define STATUS_ADDRV    BIT(58)
#define STATUS_PCC      BIT(57)
#define BANK_MSR(bank)  (MSR_MC0_CTL + 4 * (bank)) /* control, status, address, misc */
#define POLL_NS         (30 * NS_PER_S)

#define ASIDE 8

struct bank_error {
    unsigned int bank;
    uint64_t status, address, misc;
};

/* Found by this processor's handler and not yet printed: written by the handler, which nothing interrupts, and read by the softirq. */
struct aside {
    unsigned int written, printed, lost, causeless;
    struct bank_error error[ASIDE];
};

static DEFINE_PERCPU(struct aside, aside);
static DEFINE_PERCPU(struct timer, poll_timer);
static struct tasklet notify;
static bool notify_ready;

static uint64_t read_msr(uint32_t msr)
{
    uint64_t value = 0;

    return rdmsr_safe(msr, &value) ? 0 : value;
}

static unsigned int bank_count(void)
{
    if (!cpu_policy_has(&host_policy, XEN_X86_FEATURE_MCE) ||
        !cpu_policy_has(&host_policy, XEN_X86_FEATURE_MCA))
        return 0;
    return min((unsigned int)(read_msr(MSR_MCG_CAP) & CAP_COUNT), (unsigned int)MCA_BANKS_MAX);
}

static void print_error(const struct bank_error *e)
{
    log_warn("Machine check on CPU %u, bank %u: status %016lx address %016lx misc %016lx (%s%s%s)\n",
             cpu_id(), e->bank, e->status, e->address, e->misc,
             e->status & STATUS_UC ? "uncorrected" : "corrected",
             e->status & STATUS_PCC ? ", context lost" : "",
             e->status & STATUS_OVERFLOW ? ", others were lost" : "");
}

static void put_aside(const struct bank_error *e)
{
    struct aside *a = &this_cpu(aside);

    if (a->written - READ_ONCE(a->printed) == ASIDE) {
        a->lost++;
        return;
    }
    a->error[a->written % ASIDE] = *e;
    WRITE_ONCE(a->written, a->written + 1);
}

static void print_aside(void)
{
    struct aside *a = &this_cpu(aside);
    unsigned int lost = __atomic_exchange_n(&a->lost, 0, __ATOMIC_RELAXED);

    while (a->printed != READ_ONCE(a->written)) {
        struct bank_error e = a->error[a->printed % ASIDE];

        WRITE_ONCE(a->printed, a->printed + 1);
        print_error(&e);
    }
    if (lost)
        log_warn("Machine check on CPU %u: %u more errors, for which there was no room\n", cpu_id(), lost);
}

/* Prints (or puts aside), records and clears one bank; returns what is left of trust: true if the processor's context is lost. */
static bool take_bank(unsigned int bank, uint64_t status, uint64_t global_status, uint32_t flags)
{
    struct bank_error e = {.bank = bank,
                           .status = status,
                           .address = status & STATUS_ADDRV ? read_msr(BANK_MSR(bank) + 2) : 0,
                           .misc = status & STATUS_MISCV ? read_msr(BANK_MSR(bank) + 3) : 0};

    if (flags & MC_FLAG_MCE)
        put_aside(&e);
    else
        print_error(&e);
    flags |= status & STATUS_UC ? MC_FLAG_UNCORRECTABLE : MC_FLAG_CORRECTABLE;
    mca_record_error(bank, status, e.address, e.misc, global_status, flags);
    (void)!wrmsr_safe(BANK_MSR(bank) + 1, 0);
    return status & STATUS_PCC;
}

/* True if anything was found; *fatal if the machine cannot go on. */
static bool scan(uint64_t global_status, uint32_t flags, bool *fatal)
{
    unsigned int banks = bank_count();
    bool found = false;

    for (unsigned int bank = 0; bank < banks; bank++) {
        uint64_t status = read_msr(BANK_MSR(bank) + 1);

        if (!(status & STATUS_VALID))
            continue;
        found = true;
        /* Uncorrected and not contained: nobody says which memory or register is wrong. */
        if (take_bank(bank, status, global_status, flags) ||
            ((flags & MC_FLAG_MCE) && (status & STATUS_UC) && (status & STATUS_EN)))
            *fatal = true;
    }
    return found;
}

static void tell_domain0(void *unused)
{
    (void)unused;
    event_send_global_virq(VIRQ_MCA);
}

static void notify_domain0(void)
{
    if (notify_ready)
        tasklet_schedule_cpu(&notify, cpu_id());
}

static bool machine_check(struct cpu_user_regs *r)
{
    uint64_t global_status = read_msr(MSR_MCG_STATUS);
    bool fatal = !(global_status & GLOBAL_RIPV), found;

    (void)r;
    found = scan(global_status, MC_FLAG_MCE, &fatal);
    if (fatal) {
        console_force_unlock();
        print_aside();
        panic("Machine check on CPU %u: the processor cannot go on (%sglobal status %lx)\n", cpu_id(),
              found ? "" : "without a cause in any bank, ", global_status);
    }
    (void)!wrmsr_safe(MSR_MCG_STATUS, 0);
    if (!found)
        this_cpu(aside).causeless++;
    softirq_raise(SOFTIRQ_MACHINE_CHECK);
    apic_kick_self(); /* who was interrupted may have looked for softirqs already, and halt now */
    return true;
}

/* What the handler had to leave. */
static void after_machine_check(void)
{
    unsigned int causeless = __atomic_exchange_n(&this_cpu(aside).causeless, 0, __ATOMIC_RELAXED);

    print_aside();
    if (causeless)
        log_warn("Machine check on CPU %u without a cause in any bank\n", cpu_id());
    notify_domain0();
}

void mca_init_cpu(void)
{
    unsigned int banks = bank_count();
    bool fatal = false; /* of a former life */

    if (!banks)
        return;
    softirq_register(SOFTIRQ_MACHINE_CHECK, after_machine_check);
    machine_check_handler = machine_check;
    (void)scan(0, MC_FLAG_RESET, &fatal);
    if (read_msr(MSR_MCG_CAP) & CAP_HAS_CTL)
        (void)!wrmsr_safe(MSR_MCG_CTL, ~0ULL);
    for (unsigned int bank = 0; bank < banks; bank++) {
        (void)!wrmsr_safe(BANK_MSR(bank), ~0ULL);
        (void)!wrmsr_safe(BANK_MSR(bank) + 1, 0);
    }
    (void)!wrmsr_safe(MSR_MCG_STATUS, 0);
}

static void poll(void *data)
{
    bool fatal = false;

    if (scan(0, MC_FLAG_POLLED, &fatal))
        notify_domain0();
    timer_set(data, time_now() + POLL_NS);
}

void mca_start_polling(void)
{
    unsigned int cpu;

    tasklet_init(&notify, tell_domain0, NULL);
    notify_ready = true;
    if (!bank_count())
        return;
    for_each_online_cpu (cpu) {
        struct timer *t = &per_cpu(poll_timer, cpu);

        timer_init(t, poll, t, cpu);
        timer_set(t, time_now() + POLL_NS);
    }
}
