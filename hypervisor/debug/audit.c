/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit of everything: each part checks its own, with all domains paused.
 *
 * Nobody is waited for in place. A vcpu may stand in a hypercall that waits for the one whose processor this is to stop, which it can only
 * when the softirq's function is left. So all are told to stop, and the tasklet comes again until all have.
 */
#include "debug/audit.h"
#include "arch/x86/irq/irq.h"
#include "arch/x86/watchdog.h"
#include "core/domain.h"
#include "core/frame_audit.h"
#include "event/event.h"
#include "grant/grant.h"
#include "hv/log.h"
#include "hv/softirq.h"
#include "hv/time.h"
#include "sched/sched.h"

/* Processor 0 only. */
static struct {
    struct tasklet tasklet;
    bool is_ready;
} audit;

/* Vcpus that were made since the last look are paused, too. True: nobody runs. */
static bool all_stopped(void)
{
    bool stopped = true;
    struct vcpu *v;

    for (struct domain *d = domain_first(); d; d = domain_next(d))
        for_each_vcpu (v, d) {
            if (!v->is_audited) {
                v->is_audited = true;
                vcpu_pause_nosync(v);
            }
            stopped &= !__atomic_load_n(&v->is_running, __ATOMIC_ACQUIRE);
        }
    return stopped;
}

static unsigned int tsc_audit(const struct domain *d)
{
    unsigned int wrong = guest_tsc_audit(&d->tsc, time_now()) + (d->is_hardware && d->tsc.emulated);

    if (wrong)
        printk("Audit: dom%u: the TSC it is given: mode %u, emulated %u, %u kHz, last %lx\n", d->id,
               d->tsc.mode, d->tsc.emulated, d->tsc.khz, d->tsc.last);
    return wrong;
}

static unsigned int check_all(void)
{
    unsigned int violations = 0;
    struct vcpu *v;

    for (struct domain *d = domain_first(); d; d = domain_next(d))
        for_each_vcpu (v, d)
            sched_sleep_sync(v); /* it has stopped: fetches its state, if its last processor still has it */
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        violations += event_audit(d) + grant_audit(d) + tsc_audit(d);
    return violations + irq_audit() + timer_audit() + frame_audit();
}

static void let_go(void)
{
    struct vcpu *v;

    for (struct domain *d = domain_first(); d; d = domain_next(d))
        for_each_vcpu (v, d)
            if (v->is_audited) {
                v->is_audited = false;
                vcpu_unpause(v);
            }
}

static void run(void *unused)
{
    (void)unused;
    if (!all_stopped()) {
        tasklet_schedule_cpu(&audit.tasklet, 0);
        return;
    }
    watchdog_hold(); /* it looks at all of memory */
    printk("Audit: %u violations\n", check_all());
    watchdog_release();
    let_go();
}

void audit_report(void)
{
    if (!audit.is_ready)
        tasklet_init(&audit.tasklet, run, NULL);
    audit.is_ready = true;
    tasklet_schedule_cpu(&audit.tasklet, 0);
}
