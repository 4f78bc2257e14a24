/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making, finding and ending domains and vcpus. Finding is lock-free: the table of domains by id changes by single pointer stores, and a reader that
 * found a pointer may still try to take a reference and see that it cannot. Nothing frees a structure yet: domains cannot be destroyed (DESIGN 9 says how).
 */
#include "core/domain.h"
#include "core/heap.h"
#include "core/vcpu_op.h"
#include "event/event.h"
#include "grant/grant.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/string.h"
#include "sched/sched.h"

#define DOMAIN_TABLE_SIZE DOMID_FIRST_RESERVED

static struct {
    lock_t lock;
    struct list all;
    struct domain *by_id[DOMAIN_TABLE_SIZE];
} domains = {.lock = LOCK_INIT(RANK_DOMAIN_LIST), .all = LIST_INIT(domains.all)};

struct domain *hardware_domain, *domain_io, *domain_xen;
void (*machine_shutdown)(unsigned int reason);

struct domain *domain_get(domid_id_t id)
{
    struct domain *d =
        id < DOMAIN_TABLE_SIZE
            ? __atomic_load_n(&domains.by_id[array_index_clamp(id, DOMAIN_TABLE_SIZE)], __ATOMIC_ACQUIRE)
        : id == DOMID_IO  ? domain_io
        : id == DOMID_XEN ? domain_xen
                          : NULL;
    uint32_t seen;

    if (!d)
        return NULL;
    seen = __atomic_load_n(&d->references, __ATOMIC_RELAXED);
    do {
        if (!seen)
            return NULL;
    } while (!__atomic_compare_exchange_n(&d->references, &seen, seen + 1, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return d;
}

struct domain *domain_get_or_self(domid_id_t id, struct domain *self)
{
    if (id != DOMID_SELF && id != self->id)
        return domain_get(id);
    domain_ref(self);
    return self;
}

void domain_put(struct domain *d)
{
    uint32_t before = __atomic_fetch_sub(&d->references, 1, __ATOMIC_RELEASE);

    panic_on(!before);
    /* The last reference of a domain that was never shown to anybody; live ones end through control/. */
}

struct domain *domain_first(void)
{
    return list_empty(&domains.all) ? NULL : list_first_entry(&domains.all, struct domain, link);
}

struct domain *domain_next(struct domain *d)
{
    return d->link.next == &domains.all ? NULL : list_entry(d->link.next, struct domain, link);
}

static int init_parts(struct domain *d)
{
    int rc = d->kind->domain_init(d);

    if (rc)
        return rc;
    rc = sched_domain_init(d);
    if (rc)
        goto out_kind;
    rc = event_domain_init(d, 0);
    if (rc)
        goto out_sched;
    rc = grant_domain_init(d);
    if (rc)
        goto out_event;
    return 0;

out_event:
    event_domain_free(d);
out_sched:
    sched_domain_free(d);
out_kind:
    d->kind->domain_free(d);
    return rc;
}

int domain_create(domid_id_t id, const struct guest_kind *kind, unsigned int max_vcpus, struct domain **out)
{
    struct domain *d;
    int rc = -ENOMEM;

    if (!max_vcpus || max_vcpus > MAX_VCPUS)
        return -EINVAL;
    d = hv_zalloc(kind->domain_size);
    if (!d)
        return -ENOMEM;
    d->id = id;
    d->kind = kind;
    d->references = 1;
    d->pause_count = 1;
    d->max_vcpus = max_vcpus;
    d->max_pages = ~0ULL;
    d->page_list = d->xenheap_list = d->page_walk = FRAME_LIST_END;
    lock_init(&d->control_lock, RANK_DOMAIN_CONTROL);
    lock_init(&d->page_lock, RANK_PAGE_LIST);
    d->vcpu = hv_new_array(struct vcpu *, max_vcpus);
    d->shared_info = hv_alloc_page();
    if (!d->vcpu || !d->shared_info)
        goto out_free;
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        d->shared_info->vcpu_info[i].evtchn_upcall_mask = 1;
    domain_share_hypervisor_page(d, d->shared_info, true);
    rc = init_parts(d);
    if (rc)
        goto out_free;

    lock(&domains.lock);
    list_append(&domains.all, &d->link);
    __atomic_store_n(&domains.by_id[id], d, __ATOMIC_RELEASE);
    unlock(&domains.lock);
    *out = d;
    return 0;

out_free:
    hv_free_page(d->shared_info);
    hv_free(d->vcpu);
    hv_free(d);
    return rc;
}

/* Where a vcpu's shared part is until the guest registers another place: the first 32 have one in shared_info. */
static vcpu_info_t *first_info(struct vcpu *v)
{
    static vcpu_info_t *dummy;

    if (v->id < XEN_LEGACY_MAX_VCPUS)
        return &v->domain->shared_info->vcpu_info[v->id];
    if (!dummy && (dummy = hv_new(vcpu_info_t)))
        dummy->evtchn_upcall_mask = 1;
    return dummy;
}

int vcpu_create(struct domain *d, unsigned int id, unsigned int cpu, struct vcpu **out)
{
    struct vcpu *v;
    int rc;

    if (id >= d->max_vcpus || d->vcpu[id])
        return -EINVAL;
    v = hv_zalloc(d->kind->vcpu_size);
    if (!v)
        return -ENOMEM;
    v->domain = d;
    v->id = id;
    v->cpu = cpu;
    v->pause_flags = VCPU_DOWN;
    v->runstate.state = RUNSTATE_offline;
    cpumask_fill(&v->hard_affinity);
    cpumask_fill(&v->soft_affinity);
    v->info = first_info(v);
    v->info_is_dummy = id >= XEN_LEGACY_MAX_VCPUS;
    rc = v->info ? d->kind->vcpu_init(v) : -ENOMEM;
    if (rc)
        goto out_free;
    rc = sched_vcpu_init(v);
    if (rc)
        goto out_kind;
    rc = event_vcpu_init(v);
    if (rc)
        goto out_sched;
    vcpu_timers_init(v);
    __atomic_store_n(&d->vcpu[id], v, __ATOMIC_RELEASE);
    *out = v;
    return 0;

out_sched:
    sched_vcpu_free(v);
out_kind:
    d->kind->vcpu_free(v);
out_free:
    hv_free(v);
    return rc;
}

void vcpu_pause_nosync(struct vcpu *v)
{
    __atomic_fetch_add(&v->pause_count, 1, __ATOMIC_SEQ_CST);
    sched_sleep_nosync(v);
}

void vcpu_pause_sync(struct vcpu *v)
{
    __atomic_fetch_add(&v->pause_count, 1, __ATOMIC_SEQ_CST);
    sched_sleep_sync(v);
}

void vcpu_unpause(struct vcpu *v)
{
    if (__atomic_sub_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST) == 0)
        sched_wake(v);
}

void domain_pause_nosync(struct domain *d)
{
    struct vcpu *v;

    __atomic_fetch_add(&d->pause_count, 1, __ATOMIC_SEQ_CST);
    for_each_vcpu (v, d)
        sched_sleep_nosync(v);
}

void domain_pause_sync(struct domain *d)
{
    struct vcpu *v;

    domain_pause_nosync(d);
    for_each_vcpu (v, d)
        sched_sleep_sync(v);
}

void domain_unpause(struct domain *d)
{
    struct vcpu *v;

    if (__atomic_sub_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST))
        return;
    for_each_vcpu (v, d)
        sched_wake(v);
}

void domain_shutdown(struct domain *d, unsigned int reason)
{
    if (d->is_hardware && machine_shutdown)
        machine_shutdown(reason);
    if (__atomic_exchange_n(&d->is_shut_down, true, __ATOMIC_SEQ_CST))
        return;
    d->shutdown_code = (uint8_t)reason;
    domain_pause_nosync(d);
    event_send_global_virq(VIRQ_DOM_EXC);
}
