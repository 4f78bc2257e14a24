/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scheduler as the toolstack and the console see it. */
#include "sched/internal.h"
#include "hv/errno.h"
#include "hv/log.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

const struct sched_policy *sched_policy;

unsigned int sched_policy_id(void)
{
    return sched_policy->id;
}

int sched_adjust_domain(struct domain *d, struct xen_domctl_scheduler_op *op)
{
    return op->sched_id == sched_policy->id ? sched_policy->adjust_domain(d, op) : -EINVAL;
}

int sched_adjust_global(struct xen_sysctl_scheduler_op *op)
{
    return op->sched_id == sched_policy->id ? sched_policy->adjust_global(op) : -EINVAL;
}

#define WAITING_SHOWN 32

/* What is on one processor, copied under its lock and printed after: a line takes its time on the wire. */
static void dump_processor(unsigned int cpu)
{
    struct runqueue *rq = &per_cpu(runqueue, cpu);
    struct sched_waiter waiting[WAITING_SHOWN];
    uint64_t flags = lock_irqsave(&rq->lock);
    s_time_t now = sched_machine.now(), since = (s_time_t)rq->curr->runstate.state_entry_time,
             until = rq->until;
    unsigned int shown = sched_policy->list_queue(rq, waiting, WAITING_SHOWN), all = rq->waiting;
    bool idle = rq->curr->is_idle;
    unsigned int domain = idle ? 0 : rq->curr->domain->id, vcpu = rq->curr->id;
    uint64_t decisions = rq->decisions, switches = rq->switches, steals = rq->steals;

    unlock_irqrestore(&rq->lock, flags);
    if (idle)
        printk("CPU%u: idle", cpu);
    else
        printk("CPU%u: d%uv%u for %lld us", cpu, domain, vcpu, (long long)(now - since) / NS_PER_US);
    printk(", %u waiting; decisions %llu switches %llu taken from others %llu; next choice in %lld us\n", all,
           (unsigned long long)decisions, (unsigned long long)switches, (unsigned long long)steals,
           until == TIME_NEVER ? -1LL : (long long)(until - now) / NS_PER_US);
    for (unsigned int i = 0; i < shown; i++)
        printk("    d%uv%u %s %+lld us\n", waiting[i].domain, waiting[i].vcpu, waiting[i].class,
               (long long)waiting[i].rank / NS_PER_US);
}

static const char *const state_name[] = {"running", "runnable", "blocked", "offline"};

/* What is printed of a vcpu. */
struct vcpu_line {
    unsigned int domain, vcpu, cpu, flags;
    int pauses, domain_pauses;
    bool pinned;
    struct vcpu_runstate_info r;
};

#define LINES 16

/* Copies, under the lock, what is to be said of the vcpus from the given place in the list on. */
static unsigned int copy_vcpus(unsigned int from, struct vcpu_line lines[LINES])
{
    unsigned int at = 0, count = 0;
    struct sched_vcpu *sv;

    lock(&sched_lock);
    list_for_each_entry (sv, &sched_all_vcpus, all) {
        struct vcpu *v = sv->v;

        if (at++ < from)
            continue;
        if (count == LINES)
            break;
        lines[count] = (struct vcpu_line){v->domain->id,
                                          v->id,
                                          v->cpu,
                                          v->pause_flags,
                                          v->pause_count,
                                          v->domain->pause_count,
                                          v->sched->pinned_to >= 0,
                                          {0}};
        vcpu_runstate_get(v, &lines[count++].r);
    }
    unlock(&sched_lock);
    return count;
}

static void dump_vcpu(const struct vcpu_line *l)
{
    printk("  d%uv%u CPU%u %s, ms running %llu runnable %llu blocked %llu offline %llu; flags %x pauses "
           "%d+%d%s\n",
           l->domain, l->vcpu, l->cpu, state_name[l->r.state],
           (unsigned long long)l->r.time[RUNSTATE_running] / NS_PER_MS,
           (unsigned long long)l->r.time[RUNSTATE_runnable] / NS_PER_MS,
           (unsigned long long)l->r.time[RUNSTATE_blocked] / NS_PER_MS,
           (unsigned long long)l->r.time[RUNSTATE_offline] / NS_PER_MS, l->flags, l->pauses, l->domain_pauses,
           l->pinned ? "; pinned" : "");
}

/* While the list changes, one may be left out or come twice. */
static void dump_vcpus(void)
{
    struct vcpu_line lines[LINES];
    unsigned int done = 0, count;

    printk("vcpus:\n");
    do {
        count = copy_vcpus(done, lines);
        for (unsigned int i = 0; i < count; i++)
            dump_vcpu(&lines[i]);
        done += count;
    } while (count == LINES);
}

void sched_dump(void)
{
    unsigned int cpu;

    printk("Scheduler %s at %lld ns\n", sched_policy->name, (long long)sched_machine.now());
    sched_policy->dump();
    for_each_online_cpu (cpu)
        dump_processor(cpu);
    dump_vcpus();
}
