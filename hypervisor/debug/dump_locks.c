/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug key 'L': the locks that somebody had to wait for. They are looked at without taking any. */
#include "core/domain.h"
#include "debug/dump.h"
#include "event/event.h"
#include "grant/grant.h"
#include "hv/cpumask.h"
#include "hv/lock_shown.h"
#include "hv/percpu.h"

static void show_shown(const struct shown_lock *s)
{
    unsigned int cpu;

    if (!s->of_each_cpu)
        return lock_show(s->name, -1, s->lock);
    for_each_online_cpu (cpu)
        lock_show(s->name, (int)cpu, (const lock_t *)((const char *)s->lock + percpu_offset[cpu]));
}

void dump_locks(void)
{
    printk("Locks that somebody had to wait for:\n");
    for (const struct shown_lock *s = shown_locks_start; s < shown_locks_end; s++)
        show_shown(s);
    for (struct domain *d = domain_first(); d; d = domain_next(d)) {
        printk("Domain %u:\n", d->id);
        lock_show("control", -1, &d->control_lock);
        lock_show("shutdown", -1, &d->shutdown_lock);
        lock_show("page list", -1, &d->page_lock);
        event_dump_locks(d);
        grant_dump_locks(d);
    }
}
