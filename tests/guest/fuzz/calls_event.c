/* SPDX-License-Identifier: MIT */
/* Event channels, scheduling, vcpus and timers. Upcalls stay masked. */
#include "fuzz.h"

static void event_op(struct call *c, unsigned cmd, unsigned size)
{
    c->op = __HYPERVISOR_event_channel_op;
    c->arg[0] = cmd;
    c->arg[1] = pointer(c, size);
}

static void bind(struct call *c)
{
    struct evtchn_bind_interdomain *i = (void *)c->buf;
    struct evtchn_alloc_unbound *a = (void *)c->buf;
    struct evtchn_bind_virq *v = (void *)c->buf;
    struct evtchn_bind_pirq *p = (void *)c->buf;
    struct evtchn_bind_ipi *ipi = (void *)c->buf;

    switch (below(6)) {
    case 0:
        a->dom = (domid_t)pick_domid();
        a->remote_dom = (domid_t)pick_domid();
        tell("event alloc_unbound %x %x", a->dom, a->remote_dom);
        event_op(c, EVTCHNOP_alloc_unbound, sizeof(*a));
        break;
    case 1:
    case 2:
        i->remote_dom = (domid_t)pick_domid();
        i->remote_port = pick_port();
        tell("event bind_interdomain %x %x", i->remote_dom, i->remote_port);
        event_op(c, EVTCHNOP_bind_interdomain, sizeof(*i));
        break;
    case 3:
        v->virq = chance(80) ? below(24) : (unsigned)pick_wild();
        v->vcpu = pick_vcpu();
        tell("event bind_virq %x %x", v->virq, v->vcpu);
        event_op(c, EVTCHNOP_bind_virq, sizeof(*v));
        break;
    case 4:
        ipi->vcpu = pick_vcpu();
        tell("event bind_ipi %x", ipi->vcpu);
        event_op(c, EVTCHNOP_bind_ipi, sizeof(*ipi));
        break;
    default:
        p->pirq = (uint32_t)PICK(5, 7, 10, 11, 16, 23, 24, 1000,
                                 0xffffffff); /* not those of devices that somebody uses */
        p->flags = (uint32_t)PICK(0, 1, 2, 0xffffffff);
        tell("event bind_pirq %x %x", p->pirq, p->flags);
        event_op(c, EVTCHNOP_bind_pirq, sizeof(*p));
    }
}

static void on_port(struct call *c)
{
    static const char *const names[] = {"close", "send", "unmask", "bind_vcpu", "set_priority", "status"};
    static const unsigned commands[] = {EVTCHNOP_close,     EVTCHNOP_send,         EVTCHNOP_unmask,
                                        EVTCHNOP_bind_vcpu, EVTCHNOP_set_priority, EVTCHNOP_status};
    unsigned which = below(6), extra = which == 3   ? pick_vcpu()
                                       : chance(80) ? below(16)
                                                    : (unsigned)pick_wild();
    uint32_t *port = (void *)c->buf;
    struct evtchn_status *s = (void *)c->buf;

    port[0] = pick_port();
    if (which == 5) {
        s->dom = (domid_t)pick_domid();
        s->port = pick_port();
        tell("event status %x %x", s->dom, s->port);
        event_op(c, EVTCHNOP_status, sizeof(*s));
        return;
    }
    tell("event %s %x", names[which], port[0]);
    if (which >= 3) {
        port[1] = extra;
        tell(" %x", extra);
    }
    event_op(c, commands[which], 8);
}

/* The hypervisor will write to it. */
static uint64_t pick_own_mfn(void)
{
    uint64_t own = frames[chance(70) ? POOL_TABLES + below(POOL_SIZE - POOL_TABLES) : below(POOL_SIZE)];

    return chance(92) ? own : PICK(0xfee00, 1UL << 40, NO_FRAME, ~0UL);
}

/* The FIFO form: its control block and array stand in frames of their own, or in the pool. */
static void fifo(struct call *c)
{
    struct evtchn_init_control *i = (void *)c->buf;
    struct evtchn_expand_array *e = (void *)c->buf;
    struct evtchn_reset *r = (void *)c->buf;

    switch (below(6)) {
    case 0:
        i->control_gfn = chance(60) ? frames[NAME_AREA] : pick_own_mfn();
        i->offset = (uint32_t)PICK(0, 8, 64, 4, 4088, 4096, 0xffffffff, 3968);
        i->vcpu = pick_vcpu();
        tell("event init_control %s+%x %x", name_of(i->control_gfn), i->offset, i->vcpu);
        event_op(c, EVTCHNOP_init_control, sizeof(*i));
        break;
    case 1:
        e->array_gfn = pick_own_mfn();
        tell("event expand_array %s", name_of(e->array_gfn));
        event_op(c, EVTCHNOP_expand_array, sizeof(*e));
        break;
    case 2:
        r->dom = (domid_t)pick_domid();
        tell("event reset %x", r->dom);
        event_op(c, EVTCHNOP_reset, sizeof(*r));
        break;
    case 3:
        c->op = __HYPERVISOR_event_channel_op_compat;
        c->buf[0] =
            (uint8_t)PICK(EVTCHNOP_status, EVTCHNOP_close, EVTCHNOP_send, EVTCHNOP_alloc_unbound, 15, 99);
        *(uint32_t *)(c->buf + 4) = pick_port();
        *(uint32_t *)(c->buf + 8) = pick_port();
        tell("event compat %x %x %x", c->buf[0], *(uint32_t *)(c->buf + 4), *(uint32_t *)(c->buf + 8));
        c->arg[0] = pointer(c, sizeof(struct evtchn_op));
        break;
    default:
        for (unsigned j = 0; j < 6; j++)
            ((uint32_t *)c->buf)[j] = (uint32_t)pick_wild();
        tell("event unknown");
        event_op(c, 15 + below(100), 24);
        tell(" %lx", c->arg[0]);
    }
}

static void sched_op(struct call *c)
{
    struct sched_poll *p = (void *)c->buf;
    struct sched_remote_shutdown *r = (void *)c->buf;
    struct sched_watchdog *w = (void *)c->buf;
    struct sched_pin_override *pin = (void *)c->buf;
    uint32_t *ports = (void *)(c->buf + 256);

    c->op = chance(92) ? __HYPERVISOR_sched_op : __HYPERVISOR_sched_op_compat;
    c->arg[0] = PICK(SCHEDOP_yield, SCHEDOP_poll, SCHEDOP_poll, SCHEDOP_remote_shutdown, SCHEDOP_watchdog,
                     SCHEDOP_watchdog, SCHEDOP_pin_override, 8, 9, 0xffffffff);
    if (c->op == __HYPERVISOR_sched_op_compat)
        c->arg[0] = PICK(SCHEDOP_yield, 3, 8);
    tell(c->op == __HYPERVISOR_sched_op ? "sched_op %lx" : "sched_op_compat %lx", c->arg[0]);
    switch (c->arg[0]) {
    case SCHEDOP_poll: /* times out at once */
        p->nr_ports = (uint32_t)PICK(0, 1, 2, 5, 128, 129, 0xffffffff);
        p->timeout = PICK(1, 1000);
        for (unsigned i = 0; i < 128; i++)
            ports[i] = i < 5 ? pick_port() : 0;
        p->ports.p = chance(90) ? ports : (void *)0x1000;
        tell(" n=%x %x %x%s", p->nr_ports, ports[0], ports[1], p->ports.p == ports ? "" : " bad");
        break;
    case SCHEDOP_remote_shutdown: /* one's own domain would be gone */
        r->domain_id = (domid_t)PICK(1, 5, DOMID_SELF, DOMID_IO, DOMID_INVALID, 0xffff);
        r->reason = (uint32_t)pick_wild();
        tell(" dom=%x reason=%x", r->domain_id, r->reason);
        break;
    case SCHEDOP_watchdog: /* ends the domain if it fires */
        w->id = chance(80) ? below(4) : (uint32_t)pick_wild();
        w->timeout = (uint32_t)PICK(100000, 200000, w->id ? 0 : 100000);
        tell(" id=%x timeout=%u", w->id, w->timeout);
        break;
    case SCHEDOP_pin_override:
        pin->pcpu = (int32_t)PICK(0, -1, 1, 5, 255, 256, 0x7fffffff, 0x80000000);
        tell(" cpu=%x", (unsigned)pin->pcpu);
    }
    c->arg[1] = pointer(c, c->arg[0] == SCHEDOP_poll ? sizeof(*p) : 8);
}

static void vcpu_areas(struct call *c)
{
    struct vcpu_register_vcpu_info *i = (void *)c->buf;
    uint64_t *address = (void *)c->buf;

    c->op = __HYPERVISOR_vcpu_op;
    c->arg[0] = PICK(VCPUOP_register_runstate_memory_area, VCPUOP_register_vcpu_time_memory_area,
                     VCPUOP_register_vcpu_info);
    c->arg[1] = pick_vcpu();
    tell("vcpu_op %lx vcpu=%lx", c->arg[0], c->arg[1]);
    if (c->arg[0] == VCPUOP_register_vcpu_info) {
        if (!c->arg[1])
            c->arg[1] = 1; /* the boot vcpu's is in use */
        i->mfn = chance(70) ? frames[NAME_AREA2]
                            : PICK(0xfee00, 1UL << 40, NO_FRAME, ~0UL); /* for good: no frame of the pool */
        i->offset = (uint32_t)PICK(0, 64, 4032, 4033, 4095, 4096, 0xffffffff, 4);
        tell(" %s+%x", name_of(i->mfn), i->offset);
    } else {
        *address = PICK((uintptr_t)area_va, (uintptr_t)area_va + 4090, 0, 0x1000, HYPERVISOR_VIRT_START,
                        0x800000000000, (uintptr_t)area_va + 64);
        tell(" %lx", *address);
    }
    c->arg[2] = pointer(c, 24);
}

static void vcpu_op(struct call *c)
{
    uint64_t *word = (void *)c->buf;

    c->op = __HYPERVISOR_vcpu_op;
    c->arg[0] = PICK(VCPUOP_is_up, VCPUOP_get_runstate_info, VCPUOP_set_periodic_timer,
                     VCPUOP_stop_periodic_timer, VCPUOP_set_singleshot_timer, VCPUOP_stop_singleshot_timer,
                     VCPUOP_get_physid, VCPUOP_up, VCPUOP_down, 14, 0xffffffff, VCPUOP_send_nmi);
    c->arg[1] = pick_vcpu();
    if ((c->arg[0] == VCPUOP_down || c->arg[0] == VCPUOP_send_nmi) && !c->arg[1])
        c->arg[1] = 1; /* who runs this stays up */
    tell("vcpu_op %lx vcpu=%lx", c->arg[0], c->arg[1]);
    if (c->arg[0] == VCPUOP_set_periodic_timer || c->arg[0] == VCPUOP_set_singleshot_timer) {
        word[0] = chance(60) ? PICK(1000000000, 100000, 999999, 1000000, 1UL << 62, ~0UL) : pick_wild();
        word[1] = PICK(0, 1, 2, ~0UL);
        tell(" %lx %lx", word[0], word[1]);
        if (c->arg[0] == VCPUOP_set_singleshot_timer)
            word[0] &= ~(1UL << 63);
    }
    if (c->arg[0] == VCPUOP_get_runstate_info)
        c->flags = HIDE_OUTPUT;
    c->arg[2] = pointer(c, 48);
}

/* Contexts that must be refused. */
static void initialise(struct call *c)
{
    static struct vcpu_guest_context context; /* larger than a buffer for arguments */
    struct vcpu_guest_context *g = &context;

    memset(g, 0, sizeof(*g));
    c->op = __HYPERVISOR_vcpu_op;
    c->arg[0] = VCPUOP_initialise;
    c->arg[1] = pick_vcpu();
    g->user_regs.cs = (uint16_t)PICK(FLAT_KERNEL_CS, 0);
    g->ctrlreg[3] = PICK(0, 1, NO_FRAME << 12, frames[POOL_TABLES + 3] << 12, 1UL << 63);
    g->gdt_ents = (unsigned long)PICK(0, 1, 1UL << 20, 7169);
    g->ldt_ents = (unsigned long)PICK(0, 8193, 1UL << 32);
    tell("vcpu_op initialise vcpu=%lx cs=%x cr3=%s gdt=%lx ldt=%lx", c->arg[1], g->user_regs.cs,
         name_entry(g->ctrlreg[3]), g->gdt_ents, g->ldt_ents);
    c->arg[2] = chance(30) ? 0x1000 : (uintptr_t)g;
    c->flags = ALONE;
}

static void set_timer(struct call *c)
{
    c->op = __HYPERVISOR_set_timer_op;
    c->arg[0] = PICK(0, 1, 1UL << 62, ~0UL, 1000000000000000, 1UL << 63, 1UL << 50);
    tell("set_timer_op %lx", c->arg[0]);
}

/* Not a hypercall: what the guest does to its bits. */
static void mask(struct call *c)
{
    unsigned port = below(12), how = below(3);

    c->op = __HYPERVISOR_xen_version;
    tell("event bits %u %u", port, how);
    if (how == 0)
        kit_event_mask(port);
    else if (how == 1)
        kit_event_clear(port);
    else
        __atomic_fetch_and(&kit_shared->evtchn_mask[0], ~(1UL << port), __ATOMIC_SEQ_CST);
}

void event_reset(void)
{
    struct evtchn_reset r = {.dom = DOMID_SELF};
    struct vcpu_register_runstate_memory_area none = {.addr.v = NULL};
    struct sched_pin_override pin = {.pcpu = -1};
    long rc = hcall_event_channel_op(EVTCHNOP_reset, &r);

    if (rc)
        say("reset: events %ld\n", rc);
    for (unsigned i = 0; i < 64; i++) {
        kit_shared->evtchn_mask[i] = 0;
        kit_shared->evtchn_pending[i] = 0;
    }
    kit_this()->info->evtchn_pending_sel = 0;
    kit_this()->info->evtchn_upcall_pending = 0;
    hcall_sched_op(SCHEDOP_pin_override, &pin);
    for (unsigned i = 0; i < 2; i++) {
        hcall_vcpu_op(VCPUOP_register_runstate_memory_area, i, &none);
        hcall_vcpu_op(VCPUOP_stop_periodic_timer, i, NULL);
        hcall_vcpu_op(VCPUOP_stop_singleshot_timer, i, NULL);
    }
    for (unsigned i = 1; i <= 2; i++) {
        struct sched_watchdog w = {.id = i, .timeout = 0};

        hcall_sched_op(SCHEDOP_watchdog, &w);
    }
}

void event_state(void)
{
    for (unsigned port = 0; port < 24; port++) {
        struct evtchn_status s = {.dom = DOMID_SELF, .port = port};
        long rc = hcall_event_channel_op(EVTCHNOP_status, &s);
        bool timed = !rc && s.status == EVTCHNSTAT_virq;

        if (rc || !s.status)
            continue;
        say("state port %u status %u vcpu %u", port, s.status, s.vcpu);
        if (s.status == EVTCHNSTAT_unbound)
            say(" dom %x", s.u.unbound.dom);
        else if (s.status == EVTCHNSTAT_interdomain)
            say(" dom %x port %u", s.u.interdomain.dom, s.u.interdomain.port);
        else if (s.status == EVTCHNSTAT_pirq)
            say(" pirq %u", s.u.pirq);
        else if (s.status == EVTCHNSTAT_virq)
            say(" virq %u", s.u.virq);
        say(" masked %lu pending %u\n", kit_shared->evtchn_mask[0] >> port & 1,
            timed ? 9 : kit_event_pending(port));
    }
    for (unsigned i = 0; i < 3; i++)
        say("state vcpu %u up %ld\n", i, hcall_vcpu_op(VCPUOP_is_up, i, NULL));
}

const struct call_kind calls_event[] = {
    {32, bind},    {36, on_port},   {12, fifo},     {16, sched_op}, {6, vcpu_areas},
    {12, vcpu_op}, {4, initialise}, {3, set_timer}, {6, mask},      {0, NULL},
};
