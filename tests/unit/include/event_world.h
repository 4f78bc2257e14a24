/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world around event channels, faked for hosted tests: domains with vcpus and frames, a scheduler that
 * counts, a guest whose pointers are host pointers, an allocator that can fail. Include once, in the test
 * itself.
 */
#ifndef UNIT_EVENT_WORLD_H
#define UNIT_EVENT_WORLD_H

#include <stdarg.h>
#include <setjmp.h>
#include "event/ops.h"
#include "core/p2m.h"
#include "arch/x86/tlb.h"
#include "hv/alloc.h"
#include "hv/guest.h"
#include "hv/log.h"
#include "hv/string.h"
#include <cmocka.h>

#define WORLD_DOMAINS 4
#define WORLD_VCPUS   3
#define WORLD_FRAMES  256

unsigned int hosted_cpu;
cpumask_t cpu_online_mask;
struct frame *frame_table;
uint8_t *direct_map;
uint64_t *m2p_table, max_mfn = WORLD_FRAMES, *frame_valid_map;
struct domain *hardware_domain, *domain_io, *domain_xen;

static struct {
    struct domain domain[WORLD_DOMAINS];
    struct vcpu vcpu[WORLD_DOMAINS][WORLD_VCPUS];
    struct vcpu *vcpus[WORLD_DOMAINS][WORLD_VCPUS];
    int frame_refs[WORLD_FRAMES];
    unsigned int unblocked[WORLD_DOMAINS][WORLD_VCPUS], kicked, blocked, quiesced, timers_set;
    bool softirq;
    void (*at_softirq)(void); /* runs once, where it is next asked whether something is pending */
    long fail_at;             /* the allocation that fails, 1 the next one; 0: none */
    long allocations;
    struct tasklet *tasklet; /* scheduled, and on which processor; runs when the test says so */
    unsigned int tasklet_cpu;
} world;

void *hv_zalloc(size_t size)
{
    __atomic_add_fetch(&world.allocations, 1, __ATOMIC_RELAXED);
    if (world.fail_at && --world.fail_at == 0)
        return NULL;
    return calloc(1, size ? size : 1);
}

void hv_free(void *p)
{
    free(p);
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t bytes)
{
    if (src.addr < 4096)
        return -EFAULT;
    memcpy(dst, (const void *)src.addr, bytes);
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t bytes)
{
    if (dst.addr < 4096)
        return -EFAULT;
    memcpy((void *)dst.addr, src, bytes);
    return 0;
}

void tlb_flush_mask(const cpumask_t *mask, unsigned int flags)
{
    world.quiesced++;
}

bool softirq_pending(void)
{
    void (*once)(void) = world.at_softirq;

    if (once) {
        world.at_softirq = NULL;
        once();
    }
    return world.softirq;
}

void sched_unblock(struct vcpu *v)
{
    __atomic_fetch_and(&v->pause_flags, ~(VCPU_BLOCKED | VCPU_POLLING), __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&world.unblocked[v->domain->id][v->id], 1, __ATOMIC_RELAXED);
}

void sched_kick(struct vcpu *v)
{
    __atomic_add_fetch(&world.kicked, 1, __ATOMIC_RELAXED);
}

void sched_block(struct vcpu *v)
{
    world.blocked++;
}

void tasklet_init(struct tasklet *t, void (*function)(void *data), void *data)
{
    *t = (struct tasklet){.function = function, .data = data};
}

void tasklet_schedule_cpu(struct tasklet *t, unsigned int cpu)
{
    world.tasklet = t;
    world.tasklet_cpu = cpu;
}

void timer_init(struct timer *t, void (*function)(void *data), void *data, unsigned int cpu)
{
    *t = (struct timer){.function = function, .data = data};
}

void timer_set(struct timer *t, s_time_t expires)
{
    t->expires = expires;
    t->state = 1;
    world.timers_set++;
}

void timer_stop(struct timer *t)
{
    t->state = 0;
}

void timer_kill(struct timer *t)
{
    t->state = 0;
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
}

void log_printf(enum log_level level, const char *fmt, ...)
{
}

struct domain *domain_get(domid_id_t id)
{
    if (id == DOMID_IO)
        id = WORLD_DOMAINS - 1; /* for who makes that one own frames only */
    if (id >= WORLD_DOMAINS)
        return NULL;
    domain_ref(&world.domain[id]);
    return &world.domain[id];
}

struct domain *domain_get_or_self(domid_id_t id, struct domain *self)
{
    return domain_get(id == DOMID_SELF ? self->id : id);
}

void domain_put(struct domain *d)
{
    __atomic_fetch_sub(&d->references, 1, __ATOMIC_RELAXED);
}

/* Frames 16 n to 16 n + 15 are domain n's. */
int frame_get_writable(struct domain *d, gfn_t gfn, struct frame **out)
{
    if (gfn.n / 16 != d->id || gfn.n >= WORLD_FRAMES)
        return -EINVAL;
    world.frame_refs[gfn.n]++;
    *out = &frame_table[gfn.n];
    return 0;
}

void frame_put_writable(struct frame *f)
{
    world.frame_refs[f - frame_table]--;
}

static void world_make_domain(unsigned int id)
{
    struct domain *d = &world.domain[id];

    *d = (struct domain){.id = (domid_id_t)id,
                         .references = 1,
                         .max_vcpus = WORLD_VCPUS,
                         .vcpu = world.vcpus[id],
                         .privileged = id == 0};
    d->shared_info = calloc(1, PAGE_SIZE);
    assert_int_equal(event_domain_init(d, 0), 0);
    for (unsigned int i = 0; i < WORLD_VCPUS; i++) {
        struct vcpu *v = &world.vcpu[id][i];

        *v = (struct vcpu){.domain = d, .id = i, .info = &d->shared_info->vcpu_info[i]};
        assert_int_equal(event_vcpu_init(v), 0);
        d->vcpu[i] = v;
    }
}

static int world_setup(void **state)
{
    memset(&world, 0, sizeof(world));
    frame_table = calloc(WORLD_FRAMES, sizeof(*frame_table));
    direct_map = aligned_alloc(PAGE_SIZE, WORLD_FRAMES * PAGE_SIZE);
    memset(direct_map, 0xa5, WORLD_FRAMES * PAGE_SIZE);
    for (unsigned int i = 0; i < WORLD_DOMAINS; i++)
        world_make_domain(i);
    hardware_domain = &world.domain[0];
    return 0;
}

/* Everything is consistent, every reference is given back and, by ASan, every allocation freed. */
static int world_teardown(void **state)
{
    world.fail_at = 0;
    world.softirq = false;
    for (unsigned int i = 0; i < WORLD_DOMAINS; i++) {
        assert_int_equal(event_audit(&world.domain[i]), 0);
        event_drop_virq_handler(&world.domain[i]);
    }
    for (unsigned int i = 0; i < WORLD_DOMAINS; i++) {
        assert_int_equal(event_domain_close_all(&world.domain[i]), 0);
        assert_int_equal(world.domain[i].event->in_use, 0);
    }
    for (unsigned int i = 0; i < WORLD_DOMAINS; i++) {
        assert_int_equal(event_audit(&world.domain[i]), 0);
        assert_int_equal(world.domain[i].references, 1);
        for (unsigned int v = 0; v < WORLD_VCPUS; v++)
            event_vcpu_free(&world.vcpu[i][v]);
        event_domain_free(&world.domain[i]);
        free(world.domain[i].shared_info);
    }
    for (unsigned int i = 0; i < WORLD_FRAMES; i++)
        assert_int_equal(world.frame_refs[i], 0);
    free(frame_table);
    free(direct_map);
    return 0;
}

static long world_call(unsigned int domain, unsigned int vcpu, unsigned int cmd, void *arg)
{
    struct hypercall hc = {.vcpu = &world.vcpu[domain][vcpu],
                           .arg = {cmd, (uint64_t)arg},
                           .number = __HYPERVISOR_event_channel_op,
                           .budget = HYPERCALL_BUDGET};
    long rc;

    do
        rc = do_event_channel_op(&hc);
    while (rc == -ERESTART);
    return rc;
}

/* The usual operations, as a guest would wrap them: a port, or a negative error. */
static inline long call_unbound(unsigned int domain, domid_t remote)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = remote};
    long rc = world_call(domain, 0, EVTCHNOP_alloc_unbound, &op);

    return rc ? rc : (long)op.port;
}

static inline long call_interdomain(unsigned int domain, domid_t remote, port_t port)
{
    struct evtchn_bind_interdomain op = {.remote_dom = remote, .remote_port = port};
    long rc = world_call(domain, 0, EVTCHNOP_bind_interdomain, &op);

    return rc ? rc : (long)op.local_port;
}

static inline long call_virq(unsigned int domain, unsigned int virq, unsigned int vcpu)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
    long rc = world_call(domain, 0, EVTCHNOP_bind_virq, &op);

    return rc ? rc : (long)op.port;
}

static inline long call_ipi(unsigned int domain, unsigned int vcpu)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};
    long rc = world_call(domain, 0, EVTCHNOP_bind_ipi, &op);

    return rc ? rc : (long)op.port;
}

static inline long call_pirq(unsigned int domain, unsigned int pirq)
{
    struct evtchn_bind_pirq op = {.pirq = pirq};
    long rc = world_call(domain, 0, EVTCHNOP_bind_pirq, &op);

    return rc ? rc : (long)op.port;
}

/* Operations that take a port alone: close, send, unmask. */
static inline long call_port(unsigned int domain, unsigned int cmd, port_t port)
{
    return world_call(domain, 0, cmd, &port);
}

static inline long call_bind_vcpu(unsigned int domain, port_t port, unsigned int vcpu)
{
    struct evtchn_bind_vcpu op = {.port = port, .vcpu = vcpu};

    return world_call(domain, 0, EVTCHNOP_bind_vcpu, &op);
}

static inline long call_reset(unsigned int domain, domid_t which)
{
    struct evtchn_reset op = {.dom = which};

    return world_call(domain, 0, EVTCHNOP_reset, &op);
}

static inline long call_init_control(unsigned int domain, uint64_t gfn, uint32_t offset, uint32_t vcpu)
{
    struct evtchn_init_control op = {.control_gfn = gfn, .offset = offset, .vcpu = vcpu};
    long rc = world_call(domain, 0, EVTCHNOP_init_control, &op);

    return rc ? rc : op.link_bits;
}

static inline long call_expand(unsigned int domain, uint64_t gfn)
{
    struct evtchn_expand_array op = {.array_gfn = gfn};

    return world_call(domain, 0, EVTCHNOP_expand_array, &op);
}

static inline long call_priority(unsigned int domain, port_t port, uint32_t priority)
{
    struct evtchn_set_priority op = {.port = port, .priority = priority};

    return world_call(domain, 0, EVTCHNOP_set_priority, &op);
}

static inline struct evtchn_status call_status(unsigned int domain, domid_t which, port_t port, long expected)
{
    struct evtchn_status op = {.dom = which, .port = port, .status = 99};

    assert_int_equal(world_call(domain, 0, EVTCHNOP_status, &op), expected);
    return op;
}

#endif
