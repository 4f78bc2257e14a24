/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making, finding and ending domains and vcpus. Finding is lock-free: the table of domains by id changes by single pointer stores, and a reader that
 * found a pointer may still try to take a reference and see that it cannot. The structure is freed a quiescent period after the last reference went and the table forgot it (DESIGN 9).
 *
 * Who holds references: the domain's existence itself, until its end is complete (control/relinquish.c); its pages, together one; each page of ours that it may map; mappings of its
 * grants; and whoever found it, for a while.
 */
#include "core/domain.h"
#include "core/heap.h"
#include "core/io_access.h"
#include "core/memory_claim.h"
#include "core/memory_op.h"
#include "core/vnuma.h"
#include "core/orphan.h"
#include "core/vcpu_op.h"
#include "event/event.h"
#include "grant/grant.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/string.h"
#include "sched/sched.h"

#define DOMAIN_TABLE_SIZE DOMID_FIRST_RESERVED

static struct {
    lock_t lock;
    struct list all;
    unsigned int next_id;                                /* where the search for a free one goes on */
    uint64_t reserved[BITS_TO_LONGS(DOMAIN_TABLE_SIZE)]; /* ids in use */
    struct domain *by_id[DOMAIN_TABLE_SIZE];
} domains = {.lock = LOCK_INIT(RANK_DOMAIN_LIST), .all = LIST_INIT(domains.all), .next_id = 1};
LOCK_SHOWN(domains, domains.lock, "list of domains");

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

    return d && domain_ref_living(d) ? d : NULL;
}

struct domain *domain_get_or_self(domid_id_t id, struct domain *self)
{
    if (id != DOMID_SELF && id != self->id)
        return domain_get(id);
    domain_ref(self);
    return self;
}

static void free_parts(struct domain *d)
{
    grant_domain_free(d);
    event_domain_free(d);
    sched_domain_free(d);
    d->kind->domain_free(d);
}

static void vcpu_free(struct vcpu *v)
{
    vcpu_timers_kill(v);
    event_vcpu_free(v);
    sched_vcpu_free(v);
    v->domain->kind->vcpu_free(v);
    hv_free(v);
}

static void free_structures(struct domain *d)
{
    domain_io_free(d);
    hv_free(d->cpu_policy);
    if (d->shared_info)
        orphan_free_shared_page(d, d->shared_info);
    hv_free(d->spare_info);
    hv_free(d->vcpu);
    hv_free(d);
}

#define VCPUS_FREED 16 /* at once: some 1,200 instructions each */

/* True: some are left. */
static bool free_some_vcpus(struct domain *d)
{
    unsigned int freed = 0;

    for (unsigned int id = 0; id < d->max_vcpus; id++) {
        if (!d->vcpu[id])
            continue;
        if (freed++ == VCPUS_FREED)
            return true;
        vcpu_free(d->vcpu[id]);
        d->vcpu[id] = NULL;
    }
    return false;
}

/* Nobody can find it any more. Its end is complete: it holds nothing but its structures, which go a few at a time. */
static void domain_free(struct rcu_head *head)
{
    struct domain *d = container_of(head, struct domain, rcu);
    domid_id_t id = d->id;

    if (free_some_vcpus(d)) {
        rcu_call(&d->rcu, domain_free);
        return;
    }
    /* Given to it since its end took the last away, by somebody who had found it before. */
    memory_claim_drop(d);
    memory_map_free(d);
    vnuma_free(d);
    event_pirq_ops.free(d);
    if (event_domain_free_some(d) || grant_domain_free_some(d)) {
        rcu_call(&d->rcu, domain_free);
        return;
    }
    free_parts(d);
    free_structures(d);
    domain_id_release(id);
    event_send_global_virq(VIRQ_DOM_EXC); /* the toolstack may want to know that the id is gone */
}

/* The last reference is gone. Whoever walks the list just now may stand on this domain: it keeps its link onwards. */
static void domain_forget(struct rcu_head *head)
{
    struct domain *d = container_of(head, struct domain, rcu);

    lock(&domains.lock);
    __atomic_store_n(&domains.by_id[d->id], NULL, __ATOMIC_RELEASE);
    d->link.prev->next = d->link.next;
    d->link.next->prev = d->link.prev;
    unlock(&domains.lock);
    rcu_call(&d->rcu, domain_free);
}

void domain_put(struct domain *d)
{
    uint32_t before = __atomic_fetch_sub(&d->references, 1, __ATOMIC_ACQ_REL);

    panic_on(!before);
    if (unlikely(before == 1))
        rcu_call(&d->rcu, domain_forget); /* any lock may be held here */
}

int domain_id_reserve(domid_id_t wanted, domid_id_t *out)
{
    unsigned int id = wanted;
    int rc = 0;

    lock(&domains.lock);
    if (wanted == DOMID_INVALID) {
        id = find_next_zero_bit(domains.reserved, DOMAIN_TABLE_SIZE, domains.next_id);
        if (id == DOMAIN_TABLE_SIZE)
            id = find_next_zero_bit(domains.reserved, DOMAIN_TABLE_SIZE, 1);
        if (id == DOMAIN_TABLE_SIZE)
            rc = -ENOSPC;
    } else if (test_bit(id, domains.reserved)) {
        rc = -EEXIST;
    }
    if (!rc) {
        set_bit(id, domains.reserved);
        if (wanted == DOMID_INVALID)
            domains.next_id = id + 1;
        *out = (domid_id_t)id;
    }
    unlock(&domains.lock);
    return rc;
}

void domain_id_release(domid_id_t id)
{
    lock(&domains.lock);
    clear_bit(id, domains.reserved);
    unlock(&domains.lock);
}

unsigned int domain_id_next(unsigned int from)
{
    return find_next_bit(domains.reserved, DOMAIN_TABLE_SIZE, from);
}

struct domain *domain_first(void)
{
    return list_empty(&domains.all) ? NULL : list_first_entry(&domains.all, struct domain, link);
}

struct domain *domain_next(struct domain *d)
{
    return d->link.next == &domains.all ? NULL : list_entry(d->link.next, struct domain, link);
}

static int init_grants(struct domain *d, const struct domain_config *config)
{
    int rc;

    if (!config->grant_frames)
        return grant_domain_init(d, GRANT_DEFAULT_FRAMES, GRANT_DEFAULT_MAPTRACK);
    rc = grant_domain_init(d, config->grant_frames, config->maptrack_frames);
    if (!rc && config->grant_version) {
        rc = grant_set_max_version(d, config->grant_version);
        if (rc)
            grant_domain_free(d);
    }
    return rc;
}

static int init_parts(struct domain *d, const struct domain_config *config)
{
    int rc = d->kind->domain_init(d);

    if (rc)
        return rc;
    rc = sched_domain_init(d);
    if (rc)
        goto out_kind;
    rc = event_domain_init(d, config->event_ports);
    if (rc)
        goto out_sched;
    rc = init_grants(d, config);
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

static void set_config(struct domain *d, const struct domain_config *config)
{
    d->pause_count = 1;
    d->max_vcpus = config->max_vcpus;
    d->max_pages = config->max_pages;
    d->is_xenstore = config->is_xenstore;
    memcpy(d->handle, config->handle, sizeof(d->handle));
    d->shutdown_code = SHUTDOWN_CODE_NONE;
}

static void publish(struct domain *d)
{
    lock(&domains.lock);
    list_append(&domains.all, &d->link);
    __atomic_store_n(&domains.by_id[d->id], d, __ATOMIC_RELEASE);
    unlock(&domains.lock);
}

/* The vcpu array, and where its vcpus' shared parts are at first. -ENOMEM: the caller frees. */
static int make_infos(struct domain *d)
{
    bool many = d->max_vcpus > XEN_LEGACY_MAX_VCPUS;

    d->vcpu = hv_new_array(struct vcpu *, d->max_vcpus);
    d->shared_info = hv_alloc_page();
    d->spare_info = many ? hv_new(vcpu_info_t) : NULL;
    if (!d->vcpu || !d->shared_info || (many && !d->spare_info))
        return -ENOMEM;
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        d->shared_info->vcpu_info[i].evtchn_upcall_mask = 1;
    if (many)
        d->spare_info->evtchn_upcall_mask = 1;
    return 0;
}

int domain_create(domid_id_t id, const struct guest_kind *kind, const struct domain_config *config,
                  struct domain **out)
{
    struct domain *d;
    int rc = -ENOMEM;

    if (!config->max_vcpus || config->max_vcpus > MAX_VCPUS)
        return -EINVAL;
    d = hv_zalloc(kind->domain_size);
    if (!d)
        return -ENOMEM;
    d->id = id;
    d->kind = kind;
    d->references = 1;
    d->page_list = d->page_walk = FRAME_LIST_END;
    set_config(d, config);
    lock_init(&d->control_lock, RANK_DOMAIN_CONTROL);
    lock_init(&d->page_lock, RANK_PAGE_LIST);
    lock_init(&d->shutdown_lock, RANK_LEAF);
    if (make_infos(d))
        goto out_free;
    domain_share_hypervisor_page(d, d->shared_info, true);
    rc = init_parts(d, config);
    if (rc)
        goto out_free;
    publish(d);
    *out = d;
    return 0;

out_free:
    free_structures(d);
    return rc;
}

/* Where a vcpu's shared part is until the guest registers another place: the first 32 have one in shared_info, the others share one that no guest sees. */
static vcpu_info_t *first_info(struct vcpu *v)
{
    return v->id < XEN_LEGACY_MAX_VCPUS ? &v->domain->shared_info->vcpu_info[v->id] : v->domain->spare_info;
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
    rc = d->kind->vcpu_init(v);
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

/* Those of its vcpus that may no longer run stop soon. */
static void sleep_all(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (v, d)
        sched_sleep_nosync(v);
}

void domain_pause_nosync(struct domain *d)
{
    __atomic_fetch_add(&d->pause_count, 1, __ATOMIC_SEQ_CST);
    sleep_all(d);
}

void domain_wait_paused(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (v, d)
        sched_sleep_sync(v);
}

void domain_pause_sync(struct domain *d)
{
    domain_pause_nosync(d);
    domain_wait_paused(d);
}

void domain_unpause(struct domain *d)
{
    struct vcpu *v;

    if (__atomic_sub_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST))
        return;
    for_each_vcpu (v, d)
        vcpu_start(v);
}

struct frame *vcpu_info_forget(struct vcpu *v)
{
    struct frame *f = v->info_frame;

    if (!f)
        return NULL;
    v->info_frame = NULL;
    v->info_is_dummy = v->id >= XEN_LEGACY_MAX_VCPUS;
    __atomic_store_n(&v->info, first_info(v), __ATOMIC_SEQ_CST);
    return f;
}

/* True: it is so by us. The flag, the reason and the pause that belongs to them change together: a domain that is resumed at the same moment has all of them or none. */
static bool set_shut_down(struct domain *d, unsigned int reason)
{
    uint64_t flags = lock_irqsave(&d->shutdown_lock);
    bool first = !d->is_shut_down;

    if (first) {
        d->is_shut_down = true;
        if (d->shutdown_code == SHUTDOWN_CODE_NONE) /* else SCHEDOP_shutdown_code has told the true one */
            d->shutdown_code = (uint8_t)reason;
        __atomic_fetch_add(&d->pause_count, 1, __ATOMIC_SEQ_CST);
    }
    unlock_irqrestore(&d->shutdown_lock, flags);
    return first;
}

void domain_shutdown(struct domain *d, unsigned int reason)
{
    uint32_t port = READ_ONCE(d->suspend_port);

    if (d->is_hardware && machine_shutdown)
        machine_shutdown(reason);
    if (!set_shut_down(d, reason))
        return;
    sleep_all(d);
    if (port)
        (void)event_send(d, port);
    event_send_global_virq(VIRQ_DOM_EXC);
}

void domain_resume(struct domain *d)
{
    uint64_t flags = lock_irqsave(&d->shutdown_lock);
    bool was = d->is_shut_down;

    if (was) {
        d->shutdown_code = SHUTDOWN_CODE_NONE;
        d->is_shutting_down = false;
        d->is_shut_down = false;
    }
    unlock_irqrestore(&d->shutdown_lock, flags);
    if (was)
        domain_unpause(d);
}
