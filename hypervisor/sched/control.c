/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scheduler as the toolstack and the console see it. */
#include "sched/internal.h"
#include "hv/errno.h"
#include "hv/log.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

const struct sched_policy *sched_policy;

const char *sched_policy_name(void)
{
    return sched_policy->name;
}

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

static void dump_processor(unsigned int cpu)
{
    struct runqueue *rq = &per_cpu(runqueue, cpu);
    uint64_t flags = lock_irqsave(&rq->lock);
    struct vcpu *v = rq->curr;
    s_time_t now = sched_machine.now();

    if (v->is_idle)
        printk("CPU%u: idle", cpu);
    else
        printk("CPU%u: d%uv%u for %lld us", cpu, v->domain->id, v->id,
               (long long)(now - (s_time_t)v->runstate.state_entry_time) / NS_PER_US);
    printk(", %u waiting; decisions %llu switches %llu taken from others %llu; next choice in %lld us\n",
           rq->waiting, (unsigned long long)rq->decisions, (unsigned long long)rq->switches,
           (unsigned long long)rq->steals,
           rq->until == TIME_NEVER ? -1LL : (long long)(rq->until - now) / NS_PER_US);
    sched_policy->dump_queue(rq);
    unlock_irqrestore(&rq->lock, flags);
}

static const char *const state_name[] = {"running", "runnable", "blocked", "offline"};

static void dump_vcpu(struct vcpu *v)
{
    struct vcpu_runstate_info r;

    vcpu_runstate_get(v, &r);
    printk("  d%uv%u CPU%u %s, ms running %llu runnable %llu blocked %llu offline %llu; flags %x pauses "
           "%d+%d%s\n",
           v->domain->id, v->id, v->cpu, state_name[r.state],
           (unsigned long long)r.time[RUNSTATE_running] / NS_PER_MS,
           (unsigned long long)r.time[RUNSTATE_runnable] / NS_PER_MS,
           (unsigned long long)r.time[RUNSTATE_blocked] / NS_PER_MS,
           (unsigned long long)r.time[RUNSTATE_offline] / NS_PER_MS, v->pause_flags, v->pause_count,
           v->domain->pause_count, v->sched->pinned_to >= 0 ? "; pinned" : "");
}

void sched_dump(void)
{
    struct sched_vcpu *sv;
    unsigned int cpu;

    printk("Scheduler %s at %lld ns\n", sched_policy->name, (long long)sched_machine.now());
    sched_policy->dump();
    for_each_online_cpu (cpu)
        dump_processor(cpu);
    printk("vcpus:\n");
    lock(&sched_lock);
    list_for_each_entry (sv, &sched_all_vcpus, all)
        dump_vcpu(sv->v);
    unlock(&sched_lock);
}
